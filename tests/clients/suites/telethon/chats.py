"""Basic groups: each member has the messages in their own box."""

import asyncio

from telethon import errors
from telethon.tl import functions, types

from ..harness.pictures import jpeg_size, png
from ..harness.scenario import eventually, expect, refused, same
from .files import upload
from .world import World, scenario


def chat_of(answer) -> types.Chat:
    """The basic group in the answer to a call that makes or changes one."""
    updates = getattr(answer, "updates", answer)
    return next(c for c in updates.chats if isinstance(c, types.Chat))


async def group(world: World, title: str, *names: str):
    """A basic group made by the first of these people: (its id, the people)."""
    people = await world.friends(*names)
    users = [await people[0].input_user(other) for other in people[1:]]
    answer = await people[0](functions.messages.CreateChatRequest(users, title))
    return chat_of(answer).id, people


@scenario("a basic group is made; all its members are told and write to each other")
async def makes_a_group(world: World):
    chat, (ann, bob, cyd) = await group(world, "Three", "Ann", "Bob", "Cyd")
    for member in (bob, cyd):
        update = await member.saw(
            types.UpdateNewMessage,
            lambda u: isinstance(u.message, types.MessageService)
            and isinstance(u.message.action, types.MessageActionChatCreate),
        )
        same(update.message.action.title, "Three", "the title")
        same(update.message.peer_id.chat_id, chat, "the chat")
    for speaker in (ann, bob, cyd):
        await speaker.say(types.InputPeerChat(chat), f"{speaker.me.first_name} says hi")
        for listener in (ann, bob, cyd):
            if listener is not speaker:
                heard = await listener.heard(f"{speaker.me.first_name} says hi")
                same(heard.from_id.user_id, speaker.id, "who says it")
    for member in (ann, bob, cyd):
        texts = [m.message for m in await member.history(types.InputPeerChat(chat)) if isinstance(m, types.Message)]
        same(texts, ["Cyd says hi", "Bob says hi", "Ann says hi"], f"history of {member.name}")


@scenario("a group has full info: members, who made it, who invited whom")
async def full_info(world: World):
    chat, (ann, bob, cyd) = await group(world, "Full", "Ann", "Bob", "Cyd")
    full = await bob(functions.messages.GetFullChatRequest(chat))
    members = full.full_chat.participants.participants
    same({m.user_id for m in members}, {ann.id, bob.id, cyd.id}, "members")
    made = [m.user_id for m in members if isinstance(m, types.ChatParticipantCreator)]
    same(made, [ann.id], "who made it")
    invited = {m.user_id: m.inviter_id for m in members if isinstance(m, types.ChatParticipant)}
    same(invited, {bob.id: ann.id, cyd.id: ann.id}, "who invited whom")
    same({u.id for u in full.users} >= {ann.id, bob.id, cyd.id}, True, "the users beside it")
    same([c.participants_count for c in full.chats if c.id == chat], [3], "the count")


@scenario("a group's title and photo are changed, and everybody sees it")
async def title_and_photo(world: World):
    chat, (ann, bob) = await group(world, "Old", "Ann", "Bob")
    await ann(functions.messages.EditChatTitleRequest(chat, "New"))
    await bob.saw(
        types.UpdateNewMessage,
        lambda u: isinstance(getattr(u.message, "action", None), types.MessageActionChatEditTitle)
        and u.message.action.title == "New",
    )
    picture = png(64, 33)
    await ann(
        functions.messages.EditChatPhotoRequest(
            chat, types.InputChatUploadedPhoto(file=await upload(ann, picture, "g.png"))
        )
    )
    await bob.saw(
        types.UpdateNewMessage,
        lambda u: isinstance(getattr(u.message, "action", None), types.MessageActionChatEditPhoto),
    )
    found = (await bob(functions.messages.GetFullChatRequest(chat))).chats[0]
    same(found.title, "New", "the title")
    expect(isinstance(found.photo, types.ChatPhoto), "a photo")
    same(jpeg_size(await bob.client.download_profile_photo(found, bytes)), (64, 64), "the picture")
    await refused(
        ann(functions.messages.EditChatTitleRequest(chat, "")), errors.ChatTitleEmptyError, errors.BadRequestError
    )


@scenario("members are added, removed and leave; who is out hears and writes no more")
async def members_come_and_go(world: World):
    chat, (ann, bob, cyd) = await group(world, "Doors", "Ann", "Bob", "Cyd")
    peer = types.InputPeerChat(chat)
    dan = await world.person("Dan")
    await ann.say(peer, "before Dan")
    await ann(functions.messages.AddChatUserRequest(chat, await ann.input_user(dan), fwd_limit=50))
    await dan.saw(
        types.UpdateNewMessage,
        lambda u: isinstance(getattr(u.message, "action", None), types.MessageActionChatAddUser),
    )
    await ann.say(peer, "welcome")
    await dan.heard("welcome")
    await ann(functions.messages.DeleteChatUserRequest(chat, await ann.input_user(cyd)))
    await cyd.saw(
        types.UpdateNewMessage,
        lambda u: isinstance(getattr(u.message, "action", None), types.MessageActionChatDeleteUser),
    )
    await bob(functions.messages.DeleteChatUserRequest(chat, types.InputUserSelf()))
    await ann.say(peer, "only two of us")
    await dan.heard("only two of us")
    for out in (bob, cyd):
        await refused(out.say(peer, "let me in"), errors.RPCError)
        texts = [getattr(m, "message", None) for m in await out.history(peer)]
        expect("only two of us" not in texts, f"{out.name} is out")
    full = await ann(functions.messages.GetFullChatRequest(chat))
    same({m.user_id for m in full.full_chat.participants.participants}, {ann.id, dan.id}, "members")


@scenario("one joins a basic group by its invite link, and a revoked link opens nothing")
async def invite_link(world: World):
    chat, (ann, bob) = await group(world, "Linked", "Ann", "Bob")
    eve, fay = await world.people("Eve", "Fay")
    invite = await ann(functions.messages.ExportChatInviteRequest(types.InputPeerChat(chat)))
    code = invite.link.rsplit("/", 1)[-1].lstrip("+")
    seen = await eve(functions.messages.CheckChatInviteRequest(code))
    expect(isinstance(seen, types.ChatInvite) and seen.title == "Linked", "what the link leads to")
    await eve(functions.messages.ImportChatInviteRequest(code))
    await ann.saw(
        types.UpdateNewMessage,
        lambda u: isinstance(getattr(u.message, "action", None), types.MessageActionChatJoinedByLink),
    )
    await bob.say(types.InputPeerChat(chat), "hi Eve")
    await eve.heard("hi Eve")
    await refused(
        eve(functions.messages.ImportChatInviteRequest(code)), errors.UserAlreadyParticipantError
    )
    await ann(functions.messages.ExportChatInviteRequest(types.InputPeerChat(chat), legacy_revoke_permanent=True))
    await refused(
        fay(functions.messages.ImportChatInviteRequest(code)),
        errors.InviteHashExpiredError,
        errors.InviteHashInvalidError,
    )


@scenario("in a group one edits, deletes for all, replies, reads and types")
async def talk_in_a_group(world: World):
    chat, (ann, bob, cyd) = await group(world, "Talk", "Ann", "Bob", "Cyd")
    peer = types.InputPeerChat(chat)
    sent = await ann.say(peer, "helo all")
    await ann.client.edit_message(peer, sent.id, "hello all")
    await bob.saw(types.UpdateEditMessage, lambda u: u.message.message == "hello all")
    at_bob = next(m for m in await bob.history(peer) if getattr(m, "message", "") == "hello all")
    await bob.say(peer, "hello Ann", reply_to=at_bob.id)
    answer = await cyd.heard("hello Ann")
    at_cyd = next(m for m in await cyd.history(peer) if getattr(m, "message", "") == "hello all")
    same(answer.reply_to.reply_to_msg_id, at_cyd.id, "the reply at a third person")
    await cyd(functions.messages.SetTypingRequest(peer, types.SendMessageTypingAction()))
    update = await ann.saw(types.UpdateChatUserTyping)
    same((update.chat_id, update.from_id.user_id), (chat, cyd.id), "who types")
    await cyd(functions.messages.ReadHistoryRequest(peer, 0))
    await bob.saw(types.UpdateReadHistoryOutbox, lambda u: getattr(u.peer, "chat_id", 0) == chat)
    await ann(functions.messages.DeleteMessagesRequest([sent.id], revoke=True))
    await cyd.saw(types.UpdateDeleteMessages, lambda u: at_cyd.id in u.messages)
    texts = [m.message for m in await cyd.history(peer) if isinstance(m, types.Message)]
    same(texts, ["hello Ann"], "what is left")


@scenario("a stranger can neither read nor write in a group, nor rename it")
async def strangers_stay_out(world: World):
    chat, (ann, _bob) = await group(world, "Private", "Ann", "Bob")
    eve = await world.person("Eve")
    peer = types.InputPeerChat(chat)
    await ann.say(peer, "among us")
    await refused(eve(functions.messages.SendMessageRequest(peer, "hello?")), errors.RPCError)
    await refused(eve(functions.messages.EditChatTitleRequest(chat, "Eve's")), errors.RPCError)
    try:
        read = await eve.history(peer)
    except errors.RPCError:
        read = []
    same(read, [], "what a stranger reads")


@scenario("the one who made a group makes an admin of a member, who may then remove others")
async def admins(world: World):
    chat, (ann, bob, cyd) = await group(world, "Order", "Ann", "Bob", "Cyd")
    await refused(
        bob(functions.messages.DeleteChatUserRequest(chat, await bob.input_user(cyd))), errors.RPCError
    )
    expect(
        await ann(functions.messages.EditChatAdminRequest(chat, await ann.input_user(bob), is_admin=True)), "admin"
    )
    await bob(functions.messages.DeleteChatUserRequest(chat, await bob.input_user(cyd)))

    async def gone():
        full = await ann(functions.messages.GetFullChatRequest(chat))
        return cyd.id not in {m.user_id for m in full.full_chat.participants.participants}

    await eventually(gone, "Cyd is out")
    await asyncio.sleep(0)
