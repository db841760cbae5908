"""messages.getHistory in all its paging modes, and search."""

from datetime import timedelta

from telethon.tl import functions, types

from ..harness.scenario import expect, same
from .world import World, scenario

LINES = 25


async def _chat(world: World):
    """Ann and Bob with lines 1..25; gives them and the ids at Ann's, oldest first."""
    ann, bob = await world.friends("Ann", "Bob")
    ids = [(await ann.say(bob, f"line {n:02}")).id for n in range(1, LINES + 1)]
    return ann, bob, ids


@scenario("history comes newest first, in pages by offset_id, without gap or overlap, with the count")
async def pages_by_offset_id(world: World):
    ann, bob, ids = await _chat(world)
    seen, offset = [], 0
    while page := await ann.history(bob, limit=7, offset_id=offset):
        expect(len(page) <= 7, "at most the limit")
        seen += [m.id for m in page]
        offset = page[-1].id
    same(seen, ids[::-1], "all pages together")
    request = functions.messages.GetHistoryRequest(await ann.knows(bob), 0, None, 0, 7, 0, 0, 0)
    answer = await ann(request)
    same(getattr(answer, "count", LINES), LINES, "count")


@scenario("add_offset moves the page: negative to newer messages, positive to older ones")
async def pages_by_add_offset(world: World):
    ann, bob, ids = await _chat(world)
    middle = ids[12]

    async def page(add_offset, limit, offset_id=middle):
        return [m.id for m in await ann.history(bob, offset_id=offset_id, add_offset=add_offset, limit=limit)]

    same(await page(0, 3), [ids[11], ids[10], ids[9]], "older than the middle")
    same(await page(-1, 3), [ids[12], ids[11], ids[10]], "the middle itself first")
    same(await page(-3, 6), [ids[14], ids[13], ids[12], ids[11], ids[10], ids[9]], "around the middle")
    same(await page(-3, 3), [ids[14], ids[13], ids[12]], "newer, the middle included")
    same(await page(2, 3), [ids[9], ids[8], ids[7]], "two skipped")
    same(await page(5, 3, 0), [ids[19], ids[18], ids[17]], "five of the newest skipped")
    same(await page(100, 3, 0), [], "all skipped")


@scenario("min_id and max_id bound the page on both sides, exclusively")
async def pages_by_min_and_max(world: World):
    ann, bob, ids = await _chat(world)
    found = [m.id for m in await ann.history(bob, min_id=ids[4], max_id=ids[10])]
    same(found, [ids[9], ids[8], ids[7], ids[6], ids[5]], "between the two")
    found = [m.id for m in await ann.history(bob, min_id=ids[22])]
    same(found, [ids[24], ids[23]], "newer than min_id")
    found = [m.id for m in await ann.history(bob, max_id=ids[2])]
    same(found, [ids[1], ids[0]], "older than max_id")


@scenario("offset_date gives what is older than a date")
async def pages_by_date(world: World):
    ann, bob, ids = await _chat(world)
    newest = (await ann.history(bob, limit=1))[0]
    later = newest.date + timedelta(seconds=5)
    same(len(await ann.history(bob, offset_date=later)), LINES, "older than the future")
    earlier = (await ann.history(bob, offset_id=ids[1], limit=1))[0].date
    same(await ann.history(bob, offset_date=earlier), [], "older than the first")
    dates = {m.id: m.date for m in await ann.history(bob)}
    middle = dates[ids[12]]
    found = {m.id for m in await ann.history(bob, offset_date=middle)}
    same(found, {i for i, d in dates.items() if d < middle}, "older than the middle")


@scenario("the library's own iterators walk the history forwards and backwards")
async def iterators(world: World):
    ann, bob, ids = await _chat(world)
    peer = await ann.knows(bob)
    same([m.id async for m in ann.client.iter_messages(peer)], ids[::-1], "newest first")
    same([m.id async for m in ann.client.iter_messages(peer, reverse=True)], ids, "oldest first")
    found = [m.id async for m in ann.client.iter_messages(peer, ids=[ids[3], ids[5]])]
    same(found, [ids[3], ids[5]], "by id")
    same((await ann.client.get_messages(peer, limit=0)).total, LINES, "total")


@scenario("a history is empty, not an error, with somebody one never wrote to")
async def empty_history(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    same(await ann.history(bob), [], "history")


@scenario("search in a chat finds words in any case, by sender and in pages, and only in that chat")
async def search_in_chat(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    for number in range(6):
        await ann.say(bob, f"The Needle number {number}")
        await ann.say(bob, f"hay {number}")
    await bob.say(ann, "a needle of Bob's, Größe und ÜBER")
    await ann.say(cyd, "needle elsewhere")
    peer = await ann.knows(bob)
    found = [m.message for m in await ann.client.get_messages(peer, search="NEEDLE", limit=50)]
    same(len(found), 7, f"found {found}")
    same(found[0], "a needle of Bob's, Größe und ÜBER", "newest first")
    mine = await ann.client.get_messages(peer, search="needle", from_user="me", limit=50)
    same(len(mine), 6, "of one sender")
    first = await ann.client.get_messages(peer, search="needle", limit=3)
    rest = await ann.client.get_messages(peer, search="needle", limit=50, offset_id=first[-1].id)
    same([m.message for m in [*first, *rest]], found, "two pages")
    same(first.total, 7, "the count")
    same(len(await ann.client.get_messages(peer, search="größe")), 1, "not only ASCII")
    same(len(await ann.client.get_messages(peer, search="pincushion")), 0, "what nobody said")


@scenario("search with a filter finds only messages of that kind")
async def search_by_filter(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    peer = await ann.knows(bob)
    await ann.say(bob, "just words")
    await ann.client.send_file(peer, b"some bytes" * 50, attributes=[types.DocumentAttributeFilename("notes.txt")])
    request = functions.messages.SearchRequest(
        peer, "", types.InputMessagesFilterDocument(), None, None, 0, 0, 50, 0, 0, 0
    )
    answer = await ann(request)
    same(len(answer.messages), 1, "documents")
    expect(isinstance(answer.messages[0].media, types.MessageMediaDocument), "a document")
