"""Updates: every device sees every change, what was missed is caught up, pts has no gaps."""

import asyncio

from telethon.sessions import MemorySession
from telethon.tl import functions, types

from ..harness.scenario import expect, same
from .world import World, scenario


async def difference(device, pts: int, date, qts: int = 0, **more):
    """All slices of updates.getDifference from a pts: (new messages, other updates, the last state, slices)."""
    messages, others, slices = [], [], 0
    while True:
        answer = await device(functions.updates.GetDifferenceRequest(pts, date, qts, **more))
        if isinstance(answer, types.updates.DifferenceEmpty):
            return messages, others, None, slices
        expect(not isinstance(answer, types.updates.DifferenceTooLong), "not too long")
        messages += answer.new_messages
        others += answer.other_updates
        slices += 1
        if isinstance(answer, types.updates.Difference):
            return messages, others, answer.state, slices
        expect(answer.intermediate_state.pts > pts, "each slice moves on")
        pts, date = answer.intermediate_state.pts, answer.intermediate_state.date


@scenario("two devices of one person see every change live: messages both ways, edit, deletion, read, draft, pin")
async def two_devices(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    tablet = await world.another_device(ann, "obfuscated")
    sent = await ann.say(bob, "from the phone")
    own = await tablet.heard("from the phone")
    same((own.id, own.out), (sent.id, True), "one's own message on the other device")
    await bob.say(ann, "to both")
    await asyncio.gather(ann.heard("to both"), tablet.heard("to both"))
    peer = await tablet.knows(bob)
    await tablet.client.edit_message(peer, sent.id, "edited on the tablet")
    await ann.saw(types.UpdateEditMessage, lambda u: u.message.message == "edited on the tablet")
    await tablet(functions.messages.SaveDraftRequest(peer, "unfinished"))
    await ann.saw(types.UpdateDraftMessage, lambda u: getattr(u.draft, "message", "") == "unfinished")
    await tablet(functions.messages.ToggleDialogPinRequest(types.InputDialogPeer(peer), pinned=True))
    await ann.saw(types.UpdateDialogPinned, lambda u: u.pinned)
    await tablet(functions.messages.MarkDialogUnreadRequest(types.InputDialogPeer(peer), unread=True))
    await ann.saw(types.UpdateDialogUnreadMark, lambda u: u.unread)
    await tablet(functions.messages.ReadHistoryRequest(peer, 0))
    await ann.saw(types.UpdateReadHistoryInbox)
    await ann(functions.messages.DeleteMessagesRequest([sent.id], revoke=True))
    await tablet.saw(types.UpdateDeleteMessages, lambda u: sent.id in u.messages)
    same(await ann.pts(), await tablet.pts(), "one pts")


@scenario("a device that was away for 250 messages gets each of them once, in order", limit=180)
async def away_for_250(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    tablet = await world.another_device(bob)
    state = await tablet(functions.updates.GetStateRequest())
    session = tablet.client.session
    await tablet.close()
    peer = await ann.knows(bob)
    for start in range(0, 250, 10):
        await asyncio.gather(*(ann.client.send_message(peer, f"no. {n}") for n in range(start, start + 10)))
    saved = MemorySession()
    saved.set_dc(2, world.target.host, world.target.port)
    saved.auth_key = session.auth_key
    back = await world.blank(session=saved).connect()
    messages, _, final, slices = await difference(back, state.pts, state.date, state.qts)
    texts = [m.message for m in messages if m.message.startswith("no. ")]
    same(len(texts), 250, "messages")
    same(sorted(texts), sorted(f"no. {n}" for n in range(250)), "each once")
    ids = [m.id for m in messages]
    same(ids, sorted(ids), "in order")
    expect(slices >= 1, "at least one slice")
    same(final.pts - state.pts, 250, "pts of 250 messages")
    shown = [m.message for m in reversed(await bob.history(ann, limit=100))]
    same(texts[-100:], shown, "the order of the history")


@scenario("the library's own catch-up brings a stored session everything it missed, once")
async def library_catch_up(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    tablet = await world.another_device(bob)
    await ann.say(bob, "while here")
    await tablet.heard("while here")
    session = tablet.client.session
    await tablet.close()
    for number in range(30):
        await ann.say(bob, f"missed {number}")
    back = await world.blank(session=session, catch_up=True).connect()
    back.me = bob.me
    await back.heard("missed 29", seconds=30)
    texts = [u.message.message for u in back.inbox.items if isinstance(u, types.UpdateNewMessage)]
    same(texts, [f"missed {n}" for n in range(30)], "each once, in order")
    await ann.say(bob, "and live again")
    await back.heard("and live again")


@scenario("pts counts without gaps: the log of both people replays to exactly the state")
async def gapless(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    start = await bob(functions.updates.GetStateRequest())
    before = len(bob.inbox.items)
    peer = await ann.knows(bob)
    sent = [await ann.client.send_message(peer, f"g{n}") for n in range(6)]
    await ann.client.edit_message(peer, sent[1].id, "g1, edited")
    await ann(functions.messages.DeleteMessagesRequest([sent[2].id, sent[3].id], revoke=True))
    await bob.saw(types.UpdateDeleteMessages, lambda u: len(u.messages) == 2)
    await asyncio.sleep(0.5)
    pts = start.pts
    for update in bob.inbox.items[before:]:
        if hasattr(update, "pts_count") and not hasattr(update, "channel_id"):
            same(update.pts - update.pts_count, pts, f"pts before {type(update).__name__}")
            pts = update.pts
    read = await bob(functions.messages.ReadHistoryRequest(await bob.knows(ann), 0))
    same(read.pts - read.pts_count, pts, "pts before what one's own call did")
    messages, others, final, _ = await difference(bob, start.pts, start.date)
    expect(final.pts >= read.pts, "the state is not behind the pushes")
    same([m.message for m in messages if m.message.startswith("g")], ["g0", "g1, edited", "g4", "g5"], "messages")
    kinds = {type(u) for u in others}
    expect(types.UpdateDeleteMessages in kinds, f"the deletion is among {kinds}")
    answer = await bob(functions.updates.GetDifferenceRequest(final.pts, final.date, final.qts))
    expect(isinstance(answer, types.updates.DifferenceEmpty), "nothing more")


@scenario("getDifference respects pts_limit, and a wild pts gets an honest answer")
async def difference_limits(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    start = await bob(functions.updates.GetStateRequest())
    for number in range(20):
        await ann.say(bob, f"d{number}")
    answer = await bob(functions.updates.GetDifferenceRequest(start.pts, start.date, start.qts, pts_limit=5))
    expect(isinstance(answer, types.updates.DifferenceSlice), f"a slice, not {type(answer).__name__}")
    expect(len(answer.new_messages) <= 5, "at most five")
    messages, _, final, slices = await difference(bob, start.pts, start.date, pts_limit=5)
    same([m.message for m in messages], [f"d{n}" for n in range(20)], "all slices together")
    expect(slices >= 4, "in slices")
    answer = await bob(
        functions.updates.GetDifferenceRequest(start.pts, start.date, start.qts, pts_total_limit=10)
    )
    expect(
        isinstance(answer, (types.updates.DifferenceTooLong, types.updates.DifferenceSlice, types.updates.Difference)),
        "TooLong, or all of it",
    )
    if isinstance(answer, types.updates.DifferenceTooLong):
        same(answer.pts, final.pts, "the pts to go on from")
    future = await bob(functions.updates.GetDifferenceRequest(final.pts + 1000, final.date, final.qts))
    expect(not getattr(future, "new_messages", []), "nothing new from the future")


@scenario("a connection that breaks misses nothing: what was sent meanwhile arrives, once")
async def broken_connection(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await ann.say(bob, "before the break")
    await bob.heard("before the break")
    await bob.client._sender._connection._writer.drain()
    bob.client._sender._connection._writer.transport.abort()
    for number in range(5):
        await ann.say(bob, f"break {number}")
    await asyncio.sleep(1.5)
    await ann.say(bob, "after the break")
    await bob.heard("after the break", seconds=40)
    await bob.heard("break 4", seconds=20)
    texts = [u.message.message for u in bob.inbox.items if isinstance(u, types.UpdateNewMessage)]
    for number in range(5):
        same(texts.count(f"break {number}"), 1, f"break {number} of {texts}")


@scenario("a device asked for no updates gets none, and its requests still work")
async def without_updates(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    quiet = world.blank(receive_updates=False)
    await quiet.connect()
    quiet.phone = bob.phone
    sent = await quiet.send_code()
    await quiet.sign_in_raw(sent.phone_code_hash)
    await ann.say(bob, "shh")
    await bob.heard("shh")
    await asyncio.sleep(1)
    same([u for u in quiet.inbox.items if isinstance(u, types.UpdateNewMessage)], [], "pushes")
    quiet.me = bob.me
    same((await quiet.history(ann, limit=1))[0].message, "shh", "what it reads by asking")


@scenario("somebody's name, username and photo reach those who know them")
async def changes_of_a_person(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await ann.say(bob, "hello")
    await bob.say(ann, "hello")
    await bob.heard("hello")
    await ann.heard("hello")
    await ann(functions.account.UpdateProfileRequest(first_name="Annabel"))
    update = await bob.saw((types.UpdateUserName, types.UpdateUser), lambda u: u.user_id == ann.id)
    expect(update, "a push")
    user = (await bob(functions.users.GetUsersRequest([await bob.input_user(ann)])))[0]
    expect(user.first_name in ("Annabel", "Ann"), f"the name {user.first_name!r}")


@scenario("last seen: a contact sees somebody come and go")
async def last_seen(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await ann(functions.account.UpdateStatusRequest(offline=False))
    await bob.saw(
        types.UpdateUserStatus,
        lambda u: u.user_id == ann.id and isinstance(u.status, types.UserStatusOnline),
    )
    await ann(functions.account.UpdateStatusRequest(offline=True))
    await bob.saw(
        types.UpdateUserStatus,
        lambda u: u.user_id == ann.id and isinstance(u.status, types.UserStatusOffline),
    )
    statuses = await bob(functions.contacts.GetStatusesRequest())
    found = next(s.status for s in statuses if s.user_id == ann.id)
    expect(isinstance(found, types.UserStatusOffline), f"offline, not {found}")
    user = (await bob(functions.users.GetUsersRequest([await bob.input_user(ann)])))[0]
    expect(isinstance(user.status, types.UserStatusOffline), f"offline, not {user.status}")
