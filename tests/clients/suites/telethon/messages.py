"""Messages between two people: text and entities, edits, deletions, forwards, replies, reads, typing."""

import asyncio

from telethon import errors
from telethon.tl import functions, types

from ..harness.scenario import eventually, expect, refused, same
from .world import World, scenario


@scenario("two people write to each other and read it in each other's words")
async def two_people_chat(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    sent = await ann.say(bob, "Hello, Bob. Здравствуй! 你好 👋🏽")
    same(sent.out, True, "out at the sender")
    heard = await bob.heard("Hello, Bob. Здравствуй! 你好 👋🏽")
    same((heard.out, heard.peer_id.user_id), (False, ann.id), "out and peer at the receiver")
    await bob.say(ann, "Hello, Ann")
    await ann.heard("Hello, Ann")
    for one, other in ((ann, bob), (bob, ann)):
        texts = [m.message for m in await one.history(other)]
        same(texts, ["Hello, Ann", "Hello, Bob. Здравствуй! 你好 👋🏽"], f"history of {one.name}")


@scenario("someone who is not a contact can be written to after they were found by username")
async def writes_by_username(world: World):
    ann, bob = await world.people("Ann", "Bob")
    name = f"bob_{bob.phone[-5:]}_{bob.id % 1000}"
    await bob(functions.account.UpdateUsernameRequest(name))
    entity = await ann.client.get_input_entity(name)
    await ann.client.send_message(entity, "found you")
    heard = await bob.heard("found you")
    same(heard.peer_id.user_id, ann.id, "from whom")
    await bob.client.send_message(await bob.client.get_input_entity(ann.id), "so you did")
    await ann.heard("so you did")


@scenario("text keeps its entities: bold, italic, code, pre, links, strike, underline, spoiler, mention, quote")
async def entities(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    text = "bold italic code pre link strike under spoiler 👍quote mention"
    wanted = [
        types.MessageEntityBold(0, 4),
        types.MessageEntityItalic(5, 6),
        types.MessageEntityCode(12, 4),
        types.MessageEntityPre(17, 3, "rust"),
        types.MessageEntityTextUrl(21, 4, "https://example.com/"),
        types.MessageEntityStrike(26, 6),
        types.MessageEntityUnderline(33, 5),
        types.MessageEntitySpoiler(39, 7),
        types.MessageEntityBlockquote(49, 5),
    ]
    mention = types.InputMessageEntityMentionName(55, 7, await ann.input_user(bob))
    await ann(
        functions.messages.SendMessageRequest(await ann.knows(bob), text, entities=[*wanted, mention])
    )
    heard = await bob.heard(text)
    found = {(type(e), e.offset, e.length) for e in heard.entities}
    for entity in wanted:
        expect((type(entity), entity.offset, entity.length) in found, f"{entity} in {heard.entities}")
    expect(any(getattr(e, "url", "") == "https://example.com/" for e in heard.entities), "the link's address")
    expect(any(getattr(e, "language", "") == "rust" for e in heard.entities), "the language of the pre")
    named = [e for e in heard.entities if isinstance(e, types.MessageEntityMentionName)]
    same([e.user_id for e in named], [bob.id], "the person mentioned")


@scenario("empty and overlong messages are refused")
async def bad_texts(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    peer = await ann.knows(bob)
    await refused(ann(functions.messages.SendMessageRequest(peer, "")), errors.MessageEmptyError)
    await refused(ann(functions.messages.SendMessageRequest(peer, "x" * 5000)), errors.MessageTooLongError)
    await ann(functions.messages.SendMessageRequest(peer, "y" * 4096))
    await bob.heard("y" * 4096)


@scenario("a message sent twice with one random_id is there once")
async def same_random_id(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    peer = await ann.knows(bob)
    request = functions.messages.SendMessageRequest(peer, "only once", random_id=0x1234_5678_9ABC)
    first = await ann(request)
    try:
        again = await ann(functions.messages.SendMessageRequest(peer, "only once", random_id=0x1234_5678_9ABC))
        same(_id(again), _id(first), "the id told both times")
    except errors.RandomIdDuplicateError:
        pass
    same([m.message for m in await ann.history(bob)], ["only once"], "history of the sender")
    same([m.message for m in await bob.history(ann)], ["only once"], "history of the receiver")


def _id(answer) -> int:
    if isinstance(answer, types.UpdateShortSentMessage):
        return answer.id
    return next(u.id for u in answer.updates if isinstance(u, types.UpdateMessageID))


@scenario("an edit reaches the other person and both of one's own devices, and keeps the date of the message")
async def edits(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    other = await world.another_device(ann)
    sent = await ann.say(bob, "frist")
    heard = await bob.heard("frist")
    edited = await ann.client.edit_message(await ann.knows(bob), sent.id, "first")
    same((edited.message, edited.date), ("first", sent.date), "the edited message")
    expect(edited.edit_date, "a date of the edit")

    def corrected(update):
        return update.message.message == "first"

    update = await bob.saw(types.UpdateEditMessage, corrected)
    same(update.message.id, heard.id, "the id at the receiver")
    update = await other.saw(types.UpdateEditMessage, corrected)
    same(update.message.id, sent.id, "the id at the sender")
    same([m.message for m in await bob.history(ann)], ["first"], "history")
    await refused(
        bob.client.edit_message(await bob.knows(ann), heard.id, "mine now"),
        errors.MessageAuthorRequiredError,
        errors.MessageIdInvalidError,
    )
    await refused(
        ann.client.edit_message(await ann.knows(bob), sent.id, "first"), errors.MessageNotModifiedError
    )


@scenario("deleting for both takes the message from both; deleting for oneself does not")
async def deletes(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    for text in ("one", "two", "three"):
        await ann.say(bob, text)
        await bob.heard(text)
    three, two, one = await ann.history(bob)
    theirs = {m.message: m.id for m in await bob.history(ann)}
    affected = await ann(functions.messages.DeleteMessagesRequest([two.id], revoke=True))
    same(affected.pts_count, 1, "pts_count")
    await bob.saw(types.UpdateDeleteMessages, lambda u: theirs["two"] in u.messages)
    await ann(functions.messages.DeleteMessagesRequest([one.id], revoke=False))
    same([m.message for m in await ann.history(bob)], ["three"], "history of the one who deleted")
    same([m.message for m in await bob.history(ann)], ["three", "one"], "history of the other")
    same(three.message, "three", "the last one")


@scenario("a whole chat is deleted, for oneself and then for both")
async def deletes_history(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    for number in range(5):
        await ann.say(bob, f"n{number}")
    await bob.heard("n4")
    await ann(functions.messages.DeleteHistoryRequest(await ann.knows(bob), 0, just_clear=True))
    same(await ann.history(bob), [], "history of the one who cleared")
    same(len(await bob.history(ann)), 5, "history of the other")
    await bob(functions.messages.DeleteHistoryRequest(await bob.knows(ann), 0, revoke=True))
    same(await bob.history(ann), [], "history after the deletion for both")


@scenario("a forward says from whom it is, and a forward of a forward says the first author")
async def forwards(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    sent = await ann.say(bob, "pass it on")
    heard = await bob.heard("pass it on")
    await bob.client.forward_messages(await bob.knows(cyd), heard.id, await bob.knows(ann))
    passed = await cyd.heard("pass it on")
    same(passed.fwd_from.from_id.user_id, ann.id, "whose words they are")
    same(passed.fwd_from.date, sent.date, "when they were said")
    same(passed.peer_id.user_id, bob.id, "who passed them on")
    await cyd.client.forward_messages(await cyd.knows(ann), passed.id, await cyd.knows(bob))
    back = await ann.heard("pass it on")
    same(back.fwd_from.from_id.user_id, ann.id, "still whose words")


@scenario("several messages are forwarded at once, in their order")
async def forwards_many(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    ids = [(await ann.say(bob, f"line {n}")).id for n in range(5)]
    await ann.client.forward_messages(await ann.knows(cyd), ids, await ann.knows(bob))
    await cyd.heard("line 4")
    same([m.message for m in await cyd.history(ann)], [f"line {n}" for n in (4, 3, 2, 1, 0)], "order")


@scenario("a reply points at the right message on both sides")
async def replies(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await ann.say("me", "shifts the ids of both boxes apart")
    await ann.say(bob, "question?")
    asked = await bob.heard("question?")
    await bob.say(ann, "answer!", reply_to=asked.id)
    answer = await ann.heard("answer!")
    mine = next(m for m in await ann.history(bob) if m.message == "question?")
    same(answer.reply_to.reply_to_msg_id, mine.id, "the message replied to, at its author")
    theirs = (await bob.history(ann))[0]
    same(theirs.reply_to.reply_to_msg_id, asked.id, "the message replied to, at the answerer")


@scenario("reading tells the writer up to where, and counts the unread")
async def reads(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    sent = [await ann.say(bob, f"m{n}") for n in range(4)]
    heard = await bob.heard("m3")
    dialog = await _dialog(bob, ann)
    same(dialog.unread_count, 4, "unread before")
    await bob(functions.messages.ReadHistoryRequest(await bob.knows(ann), heard.id - 1))
    await ann.saw(types.UpdateReadHistoryOutbox, lambda u: u.max_id == sent[2].id)
    same((await _dialog(bob, ann)).unread_count, 1, "unread after three were read")
    await bob(functions.messages.ReadHistoryRequest(await bob.knows(ann), 0))
    await ann.saw(types.UpdateReadHistoryOutbox, lambda u: u.max_id == sent[3].id)
    dialog = await _dialog(bob, ann)
    same((dialog.unread_count, dialog.read_inbox_max_id), (0, heard.id), "after all were read")
    same((await _dialog(ann, bob)).read_outbox_max_id, sent[3].id, "the writer's own view")


async def _dialog(one, other):
    request = functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(await one.knows(other))])
    return (await one(request)).dialogs[0]


@scenario("reading on one device is seen on the other")
async def reads_on_two_devices(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    tablet = await world.another_device(bob)
    await ann.say(bob, "ping")
    heard = await bob.heard("ping")
    await tablet.heard("ping")
    await bob(functions.messages.ReadHistoryRequest(await bob.knows(ann), heard.id))
    update = await tablet.saw(types.UpdateReadHistoryInbox, lambda u: u.max_id == heard.id)
    same((update.peer.user_id, update.still_unread_count), (ann.id, 0), "what was read")


@scenario("typing is seen while it happens, and a stop too")
async def typing(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await bob.say(ann, "hi")
    await ann.heard("hi")
    before = await bob.pts()
    await ann(functions.messages.SetTypingRequest(await ann.knows(bob), types.SendMessageTypingAction()))
    update = await bob.saw(types.UpdateUserTyping, lambda u: u.user_id == ann.id)
    expect(isinstance(update.action, types.SendMessageTypingAction), "what they do")
    await ann(functions.messages.SetTypingRequest(await ann.knows(bob), types.SendMessageCancelAction()))
    await bob.saw(types.UpdateUserTyping, lambda u: isinstance(u.action, types.SendMessageCancelAction))
    same(await bob.pts(), before, "typing is no part of the log")


@scenario("a blocked person's messages do not arrive, their typing neither, and unblocking mends it")
async def blocking(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    tablet = await world.another_device(bob)
    await ann.say(bob, "before")
    await bob.heard("before")
    expect(await bob(functions.contacts.BlockRequest(await bob.knows(ann))), "block")
    await tablet.saw(types.UpdatePeerBlocked, lambda u: u.blocked)
    blocked = await bob(functions.contacts.GetBlockedRequest(0, 100))
    same([b.peer_id.user_id for b in blocked.blocked], [ann.id], "the blocked")
    try:
        await ann.say(bob, "while blocked")
    except (errors.UserIsBlockedError, errors.YouBlockedUserError):
        pass
    await asyncio.sleep(0.5)
    same([m.message for m in await bob.history(ann)], ["before"], "what arrived")
    expect(await bob(functions.contacts.UnblockRequest(await bob.knows(ann))), "unblock")
    await ann.say(bob, "after")
    await bob.heard("after")


@scenario("Saved Messages: notes to oneself are on every device, are read, and can be searched")
async def saved_messages(world: World):
    ann = await world.person("Ann")
    other = await world.another_device(ann)
    await ann.say("me", "buy milk")
    note = await other.heard("buy milk")
    same(note.peer_id.user_id, ann.id, "the chat with oneself")
    dialogs = await ann.client.get_dialogs()
    same([(d.entity.id, d.unread_count) for d in dialogs if d.entity.id == ann.id], [(ann.id, 0)], "the dialog")
    found = await ann.client.get_messages("me", search="milk")
    same([m.message for m in found], ["buy milk"], "found")


@scenario("getMessages gives the messages asked for and messageEmpty for what is not one's own")
async def messages_by_id(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    ids = [(await ann.say(bob, f"n{n}")).id for n in range(3)]
    answer = await ann(
        functions.messages.GetMessagesRequest([types.InputMessageID(i) for i in (ids[2], 999_999, ids[0])])
    )
    same([m.id for m in answer.messages if isinstance(m, types.Message)], [ids[2], ids[0]], "ids")
    foreign = await cyd(functions.messages.GetMessagesRequest([types.InputMessageID(i) for i in ids]))
    for message in foreign.messages:
        expect(isinstance(message, types.MessageEmpty), f"not Cyd's: {message}")


@scenario("an access hash that was given to somebody else is refused, and so is an invented one")
async def foreign_access_hash(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    of_ann = await ann.knows(cyd)
    of_bob = await bob.knows(cyd)
    expect(of_ann.access_hash != of_bob.access_hash, "each viewer has their own hash")
    for stolen in (of_ann.access_hash, 0, 1, -1):
        peer = types.InputPeerUser(cyd.id, stolen)
        await refused(
            bob(functions.messages.SendMessageRequest(peer, "with a stolen hash")),
            errors.PeerIdInvalidError,
            errors.UserIdInvalidError,
        )
        await refused(
            bob(functions.users.GetFullUserRequest(types.InputUser(cyd.id, stolen))), errors.UserIdInvalidError
        )
    same(await cyd.history(bob), [], "nothing arrived")


@scenario("many messages sent at once all arrive, once and in the order in which they were numbered")
async def many_at_once(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    peer = await ann.knows(bob)
    await asyncio.gather(*(ann.client.send_message(peer, f"wave {n}") for n in range(40)))

    async def all_there():
        return len(await bob.history(ann)) == 40

    await eventually(all_there, "40 messages")
    texts = [m.message for m in await bob.history(ann)]
    same(sorted(texts), sorted(f"wave {n}" for n in range(40)), "each once")
    same([m.message for m in await ann.history(bob)], texts, "one order on both sides")

    async def pushed():
        new = [u.message.message for u in bob.inbox.items if isinstance(u, types.UpdateNewMessage)]
        waves = [text for text in new if text.startswith("wave")]
        return waves if len(waves) >= 40 else None

    same(sorted(await eventually(pushed, "40 pushes")), sorted(texts), "each pushed once")
