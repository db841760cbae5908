"""Groups, supergroups and channels, as a client of layer 158 sees them."""

import io

from pyrogram import enums, errors, raw, types

from ..harness.pictures import png
from ..harness.scenario import expect, refused, same
from .world import World, scenario


@scenario("a basic group: made, written in, renamed, left")
async def basic_group(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    chat = await ann.app.create_group("Three", [bob.id, cyd.id])
    expect(chat.id < 0, "a chat id")
    await ann.app.send_message(chat.id, "hi all")
    for member in (bob, cyd):
        heard = await member.heard("hi all")
        same((heard.chat.id, heard.chat.title, heard.from_user.id), (chat.id, "Three", ann.id), "chat and sender")
    await bob.app.send_message(chat.id, "hi Ann")
    await ann.heard("hi Ann")
    expect(await ann.app.set_chat_title(chat.id, "Still three"), "renamed")
    await bob.messages.first(lambda m: m.new_chat_title == "Still three", "the new title")
    members = [m async for m in ann.app.get_chat_members(chat.id)]
    same({m.user.id for m in members}, {ann.id, bob.id, cyd.id}, "members")
    await cyd.app.leave_chat(chat.id)
    await ann.messages.first(lambda m: m.left_chat_member and m.left_chat_member.id == cyd.id, "Cyd leaves")


@scenario("a basic group: members are added and removed, a photo is set")
async def basic_group_members(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    chat = await ann.app.create_group("Doors", [bob.id])
    expect(await ann.app.add_chat_members(chat.id, cyd.id), "added")
    await cyd.messages.first(lambda m: m.new_chat_members, "the invitation")
    await ann.app.ban_chat_member(chat.id, cyd.id)
    picture = io.BytesIO(png(64, 5))
    picture.name = "g.png"
    expect(await ann.app.set_chat_photo(chat.id, photo=picture), "photo")
    await bob.messages.first(lambda m: m.new_chat_photo, "the new photo")
    members = [m.user.id async for m in bob.app.get_chat_members(chat.id)]
    same(set(members), {ann.id, bob.id}, "members")


@scenario("a supergroup: members write, search, edit and delete")
async def supergroup(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    chat = await ann.app.create_supergroup("Super", "about it")
    expect(await ann.app.add_chat_members(chat.id, bob.id), "added")
    sent = await ann.app.send_message(chat.id, "first post")
    heard = await bob.heard("first post")
    same((heard.chat.id, heard.chat.type), (chat.id, enums.ChatType.SUPERGROUP), "the chat")
    await bob.app.send_message(chat.id, "a reply", reply_to_message_id=heard.id)
    answer = await ann.heard("a reply")
    same(answer.reply_to_message_id, sent.id, "the reply")
    await ann.app.edit_message_text(chat.id, sent.id, "first post, edited")
    await bob.edits.first(lambda m: m.text == "first post, edited", "the edit")
    found = [m.text async for m in bob.app.search_messages(chat.id, "REPLY")]
    same(found, ["a reply"], "found")
    await ann.app.delete_messages(chat.id, sent.id)
    await bob.deletions.first(lambda many: sent.id in [m.id for m in many], "the deletion")
    full = await bob.app.get_chat(chat.id)
    same((full.title, full.description, full.members_count), ("Super", "about it", 2), "full info")


@scenario("a channel: only admins post, subscribers read")
async def channel(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    chat = await ann.app.create_channel("News", "daily")
    expect(await ann.app.add_chat_members(chat.id, bob.id), "added")
    await ann.app.send_message(chat.id, "headline")
    heard = await bob.heard("headline")
    same((heard.chat.type, heard.sender_chat.id), (enums.ChatType.CHANNEL, chat.id), "a post of the channel")
    await refused(bob.app.send_message(chat.id, "me too"), errors.ChatWriteForbidden, errors.ChatAdminRequired)
    privileges = types.ChatPrivileges(can_post_messages=True, can_edit_messages=True)
    expect(await ann.app.promote_chat_member(chat.id, bob.id, privileges), "promoted")
    await bob.app.send_message(chat.id, "by an admin")
    await ann.heard("by an admin")


@scenario("a public channel is joined by username and left")
async def public_channel(world: World):
    ann, bob = await world.people("Ann", "Bob")
    chat = await ann.app.create_channel("Public")
    name = f"pyro_news_{ann.phone[-5:]}_{abs(chat.id) % 10_000}"
    expect(await ann.app.set_chat_username(chat.id, name), "username")
    joined = await bob.app.join_chat(name)
    same(joined.id, chat.id, "joined")
    await ann.app.send_message(chat.id, "for subscribers")
    await bob.heard("for subscribers")
    await bob.app.leave_chat(chat.id)
    await refused(bob.app.get_chat_member(chat.id, "me"), errors.UserNotParticipant)


@scenario("a supergroup is joined by its invite link, and somebody is put out of it")
async def invite_link(world: World):
    ann, bob = await world.people("Ann", "Bob")
    chat = await ann.app.create_supergroup("Hidden")
    link = await ann.app.export_chat_invite_link(chat.id)
    joined = await bob.app.join_chat(link)
    same(joined.id, chat.id, "joined")
    await bob.app.send_message(chat.id, "I am in")
    await ann.heard("I am in")
    members = [m.user.id async for m in ann.app.get_chat_members(chat.id)]
    same(set(members), {ann.id, bob.id}, "members")
    await ann.app.ban_chat_member(chat.id, bob.id)
    await refused(bob.app.send_message(chat.id, "and out"), errors.RPCError)


@scenario("getChannelDifference speaks the old layer too")
async def channel_difference(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    chat = await ann.app.create_supergroup("Missed")
    await ann.app.add_chat_members(chat.id, bob.id)
    await ann.app.send_message(chat.id, "the first")
    await bob.heard("the first")
    peer = await bob.app.resolve_peer(chat.id)
    channel = raw.types.InputChannel(channel_id=peer.channel_id, access_hash=peer.access_hash)
    full = await bob.app.invoke(raw.functions.channels.GetFullChannel(channel=channel))
    for number in range(5):
        await ann.app.send_message(chat.id, f"p{number}")
    answer = await bob.app.invoke(
        raw.functions.updates.GetChannelDifference(
            channel=channel, filter=raw.types.ChannelMessagesFilterEmpty(), pts=full.full_chat.pts, limit=100
        )
    )
    same([m.message for m in answer.new_messages], [f"p{n}" for n in range(5)], "posts")
    same(answer.pts, full.full_chat.pts + 5, "pts")
