"""Supergroups and broadcast channels: one row per post, a pts of their own, read pointers for members."""

from telethon import errors
from telethon.tl import functions, types

from ..harness.pictures import jpeg_size, png
from ..harness.scenario import eventually, expect, refused, same
from .files import upload
from .world import World, scenario


class Channel:
    """A supergroup or channel and how each person may name it."""

    def __init__(self, channel_id: int, title: str):
        self.id = channel_id
        self.title = title

    async def of(self, person) -> types.InputChannel:
        """The channel as this person knows it: from their dialogs."""
        for dialog in await person.client.get_dialogs():
            if isinstance(dialog.entity, types.Channel) and dialog.entity.id == self.id:
                return types.InputChannel(self.id, dialog.entity.access_hash)
        raise AssertionError(f"{person.name} does not have {self.title} among the dialogs")

    async def peer_of(self, person) -> types.InputPeerChannel:
        """The same as an InputPeer."""
        channel = await self.of(person)
        return types.InputPeerChannel(channel.channel_id, channel.access_hash)


async def make(founder, title: str, *members, broadcast=False) -> Channel:
    """A supergroup (or channel) of the founder with these members."""
    answer = await founder(
        functions.channels.CreateChannelRequest(title, f"about {title}", broadcast=broadcast, megagroup=not broadcast)
    )
    made = next(c for c in answer.chats if isinstance(c, types.Channel))
    channel = Channel(made.id, title)
    if members:
        users = [await founder.input_user(m) for m in members]
        await founder(functions.channels.InviteToChannelRequest(await channel.of(founder), users))
    return channel


async def channel_difference(person, channel: types.InputChannel, pts: int, limit: int = 100):
    """All slices of updates.getChannelDifference: (new messages, other updates, the last pts, slices)."""
    messages, others, slices = [], [], 0
    while True:
        request = functions.updates.GetChannelDifferenceRequest(
            channel, types.ChannelMessagesFilterEmpty(), pts, limit
        )
        answer = await person(request)
        if isinstance(answer, types.updates.ChannelDifferenceEmpty):
            return messages, others, answer.pts, slices
        expect(isinstance(answer, types.updates.ChannelDifference), f"not {type(answer).__name__}")
        messages += answer.new_messages
        others += answer.other_updates
        slices += 1
        expect(answer.pts > pts or answer.final, "each slice moves on")
        pts = answer.pts
        if answer.final:
            return messages, others, pts, slices


def texts(messages) -> list[str]:
    """The texts among them, without service messages."""
    return [m.message for m in messages if isinstance(m, types.Message)]


@scenario("a supergroup: its founder and members write, and each message reaches everybody once")
async def supergroup(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    channel = await make(ann, "Super", bob, cyd)
    for speaker in (ann, bob, cyd):
        line = f"{speaker.me.first_name} in the supergroup"
        await speaker.say(await channel.peer_of(speaker), line)
        for listener in (ann, bob, cyd):
            if listener is not speaker:
                heard = await listener.heard(line)
                same((heard.from_id.user_id, heard.peer_id.channel_id), (speaker.id, channel.id), "who and where")
    found = [texts(await p.history(await channel.peer_of(p))) for p in (ann, bob, cyd)]
    same(found[1:], [found[0], found[0]], "one history for all")
    same(len(found[0]), 3, "three messages")
    ids = [[m.id for m in await p.history(await channel.peer_of(p))] for p in (ann, bob)]
    same(ids[0], ids[1], "one id for all")


@scenario("a broadcast channel: the founder posts, subscribers read, and may not post")
async def broadcast(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "News", bob, broadcast=True)
    await ann.say(await channel.peer_of(ann), "headline")
    heard = await bob.heard("headline")
    same((heard.post, heard.peer_id.channel_id), (True, channel.id), "a post")
    await refused(
        bob.say(await channel.peer_of(bob), "me too"), errors.ChatWriteForbiddenError, errors.ChatAdminRequiredError
    )
    same(texts(await bob.history(await channel.peer_of(bob))), ["headline"], "history of a subscriber")


@scenario("admins may post in a channel, until they are admins no more")
async def posting_admins(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    channel = await make(ann, "Desk", bob, cyd, broadcast=True)
    rights = types.ChatAdminRights(post_messages=True, edit_messages=True, delete_messages=True)
    await ann(
        functions.channels.EditAdminRequest(await channel.of(ann), await ann.input_user(bob), rights, rank="editor")
    )
    await bob.say(await channel.peer_of(bob), "by the editor")
    await cyd.heard("by the editor")
    found = await ann(
        functions.channels.GetParticipantsRequest(
            await channel.of(ann), types.ChannelParticipantsAdmins(), 0, 100, 0
        )
    )
    same({p.user_id for p in found.participants}, {ann.id, bob.id}, "the admins")
    nothing = types.ChatAdminRights()
    await ann(
        functions.channels.EditAdminRequest(await channel.of(ann), await ann.input_user(bob), nothing, rank="")
    )
    await refused(
        bob.say(await channel.peer_of(bob), "once more"),
        errors.ChatWriteForbiddenError,
        errors.ChatAdminRequiredError,
    )


@scenario("title, about and photo of a channel are changed and seen by members")
async def title_about_photo(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "Before", bob)
    await ann(functions.channels.EditTitleRequest(await channel.of(ann), "After"))
    await bob.saw(
        types.UpdateNewChannelMessage,
        lambda u: isinstance(getattr(u.message, "action", None), types.MessageActionChatEditTitle),
    )
    await ann(functions.messages.EditChatAboutRequest(await channel.peer_of(ann), "what it is about"))
    picture = png(64, 77)
    await ann(
        functions.channels.EditPhotoRequest(
            await channel.of(ann), types.InputChatUploadedPhoto(file=await upload(ann, picture, "c.png"))
        )
    )
    full = await bob(functions.channels.GetFullChannelRequest(await channel.of(bob)))
    same((full.chats[0].title, full.full_chat.about), ("After", "what it is about"), "title and about")
    got = await bob.client.download_profile_photo(full.chats[0], bytes)
    same(jpeg_size(got), (64, 64), "the photo")
    await refused(
        bob(functions.channels.EditTitleRequest(await channel.of(bob), "Bob's")), errors.ChatAdminRequiredError
    )


@scenario("a public channel is found by username, read before joining, joined and left")
async def joins_by_username(world: World):
    ann, bob = await world.people("Ann", "Bob")
    channel = await make(ann, "Public", broadcast=True)
    name = f"news_{ann.phone[-5:]}_{channel.id % 10_000}"
    expect(await ann(functions.channels.CheckUsernameRequest(await channel.of(ann), name)), "the name is free")
    expect(await ann(functions.channels.UpdateUsernameRequest(await channel.of(ann), name)), "username")
    await ann.say(await channel.peer_of(ann), "for everyone")
    found = await bob(functions.contacts.ResolveUsernameRequest(name))
    entity = found.chats[0]
    same((entity.id, entity.left), (channel.id, True), "found, not a member")
    peer = types.InputPeerChannel(entity.id, entity.access_hash)
    same(texts(await bob.history(peer)), ["for everyone"], "read before joining")
    await bob(functions.channels.JoinChannelRequest(types.InputChannel(entity.id, entity.access_hash)))
    await ann.say(await channel.peer_of(ann), "for subscribers")
    await bob.heard("for subscribers")
    await bob(functions.channels.LeaveChannelRequest(types.InputChannel(entity.id, entity.access_hash)))
    await refused(
        bob(
            functions.channels.GetParticipantRequest(
                types.InputChannel(entity.id, entity.access_hash), types.InputPeerSelf()
            )
        ),
        errors.UserNotParticipantError,
    )
    listed = [d.entity.id for d in await bob.client.get_dialogs()]
    expect(channel.id not in listed, "no dialog after leaving")


@scenario("a private supergroup is joined by its invite link only")
async def joins_by_link(world: World):
    ann, bob, eve = await world.people("Ann", "Bob", "Eve")
    channel = await make(ann, "Hidden")
    await ann.say(await channel.peer_of(ann), "nobody else yet")
    invite = await ann(functions.messages.ExportChatInviteRequest(await channel.peer_of(ann)))
    code = invite.link.rsplit("/", 1)[-1].lstrip("+")
    seen = await bob(functions.messages.CheckChatInviteRequest(code))
    same(seen.title, "Hidden", "what the link leads to")
    await bob(functions.messages.ImportChatInviteRequest(code))
    await bob.say(await channel.peer_of(bob), "I am in")
    await ann.heard("I am in")
    seen = await bob(functions.messages.CheckChatInviteRequest(code))
    expect(isinstance(seen, types.ChatInviteAlready), "already in")
    await refused(
        eve(functions.messages.ImportChatInviteRequest("AAAAAAAAAAAAAAAA")),
        errors.InviteHashExpiredError,
        errors.InviteHashInvalidError,
    )
    hash_of_bob = (await channel.of(bob)).access_hash
    await refused(
        eve(functions.channels.GetFullChannelRequest(types.InputChannel(channel.id, hash_of_bob))),
        errors.ChannelInvalidError,
        errors.ChannelPrivateError,
    )
    for guess in (0, 1):
        await refused(
            eve(functions.channels.JoinChannelRequest(types.InputChannel(channel.id, guess))),
            errors.ChannelInvalidError,
            errors.ChannelPrivateError,
        )


@scenario("a member is removed and stays out; a removed one reads nothing new")
async def removes(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    channel = await make(ann, "Gate", bob, cyd)
    of_bob, peer_of_bob = await channel.of(bob), await channel.peer_of(bob)
    forever = types.ChatBannedRights(until_date=None, view_messages=True)
    await ann(
        functions.channels.EditBannedRequest(await channel.of(ann), await ann.knows(bob), forever)
    )
    await ann.say(await channel.peer_of(ann), "Bob is out")
    await cyd.heard("Bob is out")
    await refused(bob.history(peer_of_bob), errors.ChannelPrivateError)
    await refused(bob(functions.channels.JoinChannelRequest(of_bob)), errors.RPCError)
    found = await ann(
        functions.channels.GetParticipantsRequest(
            await channel.of(ann), types.ChannelParticipantsRecent(), 0, 100, 0
        )
    )
    same({p.user_id for p in found.participants}, {ann.id, cyd.id}, "members")
    await refused(
        cyd(functions.channels.EditBannedRequest(await channel.of(cyd), await cyd.knows(ann), forever)),
        errors.RPCError,
    )


@scenario("posts are edited and deleted, and members see both")
async def edits_and_deletes(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "Errata", bob, broadcast=True)
    peer = await channel.peer_of(ann)
    first, second = await ann.say(peer, "teh news"), await ann.say(peer, "a mistake")
    await bob.heard("a mistake")
    await ann.client.edit_message(peer, first.id, "the news")
    await bob.saw(types.UpdateEditChannelMessage, lambda u: u.message.message == "the news")
    await ann(functions.channels.DeleteMessagesRequest(await channel.of(ann), [second.id]))
    await bob.saw(types.UpdateDeleteChannelMessages, lambda u: second.id in u.messages)
    same(texts(await bob.history(await channel.peer_of(bob))), ["the news"], "what is left")
    await refused(
        bob(functions.channels.DeleteMessagesRequest(await channel.of(bob), [first.id])), errors.RPCError
    )
    same(texts(await bob.history(await channel.peer_of(bob))), ["the news"], "a subscriber deletes nothing")


@scenario("read pointers: unread counts go down as one reads, on all devices")
async def reads(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "Counter", bob)
    tablet = await world.another_device(bob)
    sent = [await ann.say(await channel.peer_of(ann), f"p{n}") for n in range(4)]
    await bob.heard("p3")

    async def unread(person):
        peer = types.InputDialogPeer(await channel.peer_of(person))
        return (await person(functions.messages.GetPeerDialogsRequest([peer]))).dialogs[0].unread_count

    before = await unread(bob)
    expect(before >= 4, f"four posts unread, {before} told")
    await bob(functions.channels.ReadHistoryRequest(await channel.of(bob), sent[1].id))
    await tablet.saw(types.UpdateReadChannelInbox, lambda u: u.max_id == sent[1].id)
    same(await unread(bob), 2, "two left")
    await ann.saw(types.UpdateReadChannelOutbox, lambda u: u.max_id >= sent[1].id)
    await bob(functions.channels.ReadHistoryRequest(await channel.of(bob), sent[3].id))
    same(await unread(bob), 0, "none left")


@scenario("history of a channel in pages, and search by text in it")
async def history_and_search(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "Archive", bob)
    ids = [(await ann.say(await channel.peer_of(ann), f"entry {n:02} about {'cats' if n % 3 else 'dogs'}")).id
           for n in range(15)]
    peer = await channel.peer_of(bob)
    page = await bob.history(peer, limit=5)
    same([m.id for m in page], ids[:-6:-1], "the newest five")
    page = await bob.history(peer, limit=5, offset_id=page[-1].id)
    same([m.id for m in page], ids[9:4:-1], "the next five")
    page = await bob.history(peer, limit=4, offset_id=ids[7], add_offset=-2)
    same([m.id for m in page], [ids[8], ids[7], ids[6], ids[5]], "around one")
    found = await bob.client.get_messages(peer, search="DOGS", limit=50)
    same([m.id for m in found], [ids[12], ids[9], ids[6], ids[3], ids[0]], "found")
    answer = await bob(
        functions.channels.GetMessagesRequest(await channel.of(bob), [types.InputMessageID(ids[2])])
    )
    same([m.message for m in answer.messages], ["entry 02 about cats"], "by id")
    expect(answer.pts > 0, "the channel's pts beside it")


@scenario("participants are listed, counted, found by name; full info tells one's own place")
async def participants(world: World):
    ann, bob, cyd, dan = await world.friends("Ann", "Bob", "Cyd", "Dan")
    channel = await make(ann, "Crowd", bob, cyd, dan)
    of_ann = await channel.of(ann)

    async def ask(what, offset=0, limit=100):
        return await ann(functions.channels.GetParticipantsRequest(of_ann, what, offset, limit, 0))

    everybody = await ask(types.ChannelParticipantsRecent())
    same({p.user_id for p in everybody.participants}, {ann.id, bob.id, cyd.id, dan.id}, "everybody")
    same(everybody.count, 4, "the count")
    pages = [(await ask(types.ChannelParticipantsRecent(), o, 2)).participants for o in (0, 2)]
    same({p.user_id for page in pages for p in page}, {ann.id, bob.id, cyd.id, dan.id}, "two pages")
    found = await ask(types.ChannelParticipantsSearch("cyd"))
    same([p.user_id for p in found.participants], [cyd.id], "by name")
    me = await ann(functions.channels.GetParticipantRequest(of_ann, types.InputPeerSelf()))
    expect(isinstance(me.participant, types.ChannelParticipantCreator), "the founder")
    other = await ann(functions.channels.GetParticipantRequest(of_ann, await ann.knows(bob)))
    same(other.participant.user_id, bob.id, "a member")
    full = await bob(functions.channels.GetFullChannelRequest(await channel.of(bob)))
    same(full.full_chat.participants_count, 4, "the count in the full info")
    same(full.full_chat.about, "about Crowd", "about")
    names = [u.id async for u in ann.client.iter_participants(await channel.peer_of(ann))]
    same(set(names), {ann.id, bob.id, cyd.id, dan.id}, "the library's own iterator")


@scenario("getChannelDifference brings every missed post once, in slices, and edits and deletions too")
async def difference(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "Missed", bob)
    of_bob = await channel.of(bob)
    full = await bob(functions.channels.GetFullChannelRequest(of_bob))
    start = full.full_chat.pts
    peer = await channel.peer_of(ann)
    sent = [await ann.say(peer, f"c{n}") for n in range(25)]
    await ann.client.edit_message(peer, sent[3].id, "c3, edited")
    await ann(functions.channels.DeleteMessagesRequest(await channel.of(ann), [sent[5].id]))
    messages, others, end, slices = await channel_difference(bob, of_bob, start, limit=10)
    same(end - start, 27, "pts of 25 posts, an edit and a deletion")
    wanted = [f"c{n}" for n in range(25) if n != 5]
    wanted[3] = "c3, edited"
    found = texts(messages)
    same([t for t in found if t != "c3"], [t for t in wanted if t != "c3"], "each once, in order")
    expect(slices >= 2, f"in {slices} slices")
    expect(any(isinstance(u, types.UpdateDeleteChannelMessages) for u in others), "the deletion")
    nothing, _, again, _ = await channel_difference(bob, of_bob, end)
    same((nothing, again), ([], end), "nothing more")


@scenario("the account's difference names the channels that moved while one was away")
async def account_difference_names_channels(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "Moved", bob)
    await ann.say(await channel.peer_of(ann), "seen live")
    await bob.heard("seen live")
    tablet = await world.another_device(bob)
    state = await tablet(functions.updates.GetStateRequest())
    session = tablet.client.session
    await tablet.close()
    await ann.say(await channel.peer_of(ann), "missed by the tablet")
    await bob.heard("missed by the tablet")
    back = await world.blank(session=session).connect()

    async def named():
        answer = await back(functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts))
        others = getattr(answer, "other_updates", [])
        return any(isinstance(u, types.UpdateChannelTooLong) and u.channel_id == channel.id for u in others)

    await eventually(named, "updateChannelTooLong in the difference", seconds=5)


@scenario("replies, forwards, typing and files work in a supergroup")
async def talk(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    channel = await make(ann, "Talk", bob, cyd)
    peer = await channel.peer_of(ann)
    sent = await ann.say(peer, "who is here?")
    await bob.say(await channel.peer_of(bob), "I am", reply_to=sent.id)
    answer = await cyd.heard("I am")
    same(answer.reply_to.reply_to_msg_id, sent.id, "the reply")
    await bob(functions.messages.SetTypingRequest(await channel.peer_of(bob), types.SendMessageTypingAction()))
    update = await ann.saw(types.UpdateChannelUserTyping)
    same((update.channel_id, update.from_id.user_id), (channel.id, bob.id), "who types")
    content = b"channel file " * 500
    await bob.client.send_file(
        await channel.peer_of(bob), await upload(bob, content, "c.txt"), caption="a file", force_document=True
    )
    heard = await cyd.heard("a file")
    same(await cyd.client.download_media(heard, bytes), content, "bytes")
    await cyd.client.forward_messages(await cyd.knows(ann), answer.id, await channel.peer_of(cyd))
    passed = await ann.saw(
        types.UpdateNewMessage, lambda u: getattr(u.message, "message", "") == "I am" and u.message.fwd_from
    )
    same(passed.message.fwd_from.from_id.user_id, bob.id, "whose words")


@scenario("a channel is deleted by its founder, and is gone for all")
async def deletes_the_channel(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    channel = await make(ann, "Gone", bob)
    of_bob = await channel.of(bob)
    await refused(bob(functions.channels.DeleteChannelRequest(of_bob)), errors.RPCError)
    await ann(functions.channels.DeleteChannelRequest(await channel.of(ann)))
    await refused(
        bob(functions.channels.GetFullChannelRequest(of_bob)), errors.ChannelPrivateError, errors.ChannelInvalidError
    )
