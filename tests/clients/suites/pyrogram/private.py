"""People and private chats, as a client of layer 158 sees them."""

import asyncio
import io
import os

from pyrogram import enums, errors, raw

from ..harness.people import code_of, ordinary_number, wrong_code_for
from ..harness.pictures import jpeg_size, png
from ..harness.scenario import eventually, expect, refused, same
from .world import World, scenario


@scenario("a new person signs up and get_me tells who they are")
async def signs_up(world: World):
    ann = await (await world.stranger()).sign_up("Ann", "Archer")
    same((ann.me.first_name, ann.me.last_name, ann.me.phone_number), ("Ann", "Archer", ann.phone), "get_me")
    expect(ann.me.is_self, "oneself")


@scenario("a wrong code, an empty one, a used one and a bad number give the known errors")
async def code_errors(world: World):
    ann = await world.person("Ann")
    other = await world.stranger()
    sent = await other.app.send_code(ann.phone)
    await refused(
        other.app.sign_in(ann.phone, sent.phone_code_hash, wrong_code_for(ann.phone)), errors.PhoneCodeInvalid
    )
    await refused(other.app.sign_in(ann.phone, sent.phone_code_hash, ""), errors.PhoneCodeEmpty)
    await refused(other.app.send_code("12"), errors.PhoneNumberInvalid)
    signed = await other.app.sign_in(ann.phone, sent.phone_code_hash, code_of(ann.phone))
    same(signed.id, ann.id, "who signed in")
    third = await world.stranger()
    await refused(
        third.app.sign_in(ann.phone, sent.phone_code_hash, code_of(ann.phone)),
        errors.PhoneCodeExpired,
        errors.PhoneCodeInvalid,
    )


@scenario("asking for codes in a flood gives FLOOD_WAIT of code 420")
async def code_flood(world: World):
    stranger, phone = await world.stranger(), ordinary_number()
    for _ in range(60):
        try:
            await stranger.app.send_code(phone)
        except errors.FloodWait as wait:
            same(wait.CODE, 420, "code")
            expect(wait.value > 0, "seconds to wait")
            return
        except errors.PhoneNumberFlood:
            return
    raise AssertionError("60 codes in a row were sent")


@scenario("two people write to each other; the library parses every message and its sender")
async def two_people_chat(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    sent = await ann.app.send_message(bob.id, "Hello, **Bob** 👋🏽")
    expect(sent.outgoing, "outgoing at the sender")
    heard = await bob.heard("Hello, Bob 👋🏽")
    same((heard.from_user.id, heard.chat.id, heard.outgoing), (ann.id, ann.id, False), "from, chat, outgoing")
    same([e.type for e in heard.entities], [enums.MessageEntityType.BOLD], "entities")
    await bob.app.send_message(ann.id, "Hello, Ann")
    await ann.heard("Hello, Ann")
    texts = [m.text for m in await ann.history(bob.id)]
    same(texts, ["Hello, Ann", "Hello, Bob 👋🏽"], "history")


@scenario("two devices of one person both get everything")
async def two_devices(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    tablet = await world.another_device(ann)
    sent = await ann.app.send_message(bob.id, "from the phone")
    own = await tablet.heard("from the phone")
    same((own.id, own.outgoing), (sent.id, True), "one's own message on the other device")
    await bob.app.send_message(ann.id, "to both")
    await asyncio.gather(ann.heard("to both"), tablet.heard("to both"))


@scenario("an edit and a deletion for both reach the other person")
async def edits_and_deletes(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    sent = await ann.app.send_message(bob.id, "frist")
    heard = await bob.heard("frist")
    edited = await ann.app.edit_message_text(bob.id, sent.id, "first")
    expect(edited.edit_date, "a date of the edit")
    update = await bob.edits.first(lambda m: m.text == "first", "the edit")
    same(update.id, heard.id, "its id")
    same(await ann.app.delete_messages(bob.id, sent.id), 1, "deleted")
    await bob.deletions.first(lambda many: heard.id in [m.id for m in many], "the deletion")
    same(await bob.history(ann.id), [], "nothing left")


@scenario("replies and forwards are parsed with the message and the author they point at")
async def replies_and_forwards(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    await ann.app.send_message(bob.id, "question?")
    asked = await bob.heard("question?")
    await bob.app.send_message(ann.id, "answer!", reply_to_message_id=asked.id)
    answer = await ann.heard("answer!")
    same(answer.reply_to_message.text, "question?", "the reply")
    await bob.app.forward_messages(cyd.id, ann.id, asked.id)
    passed = await cyd.heard("question?")
    same(passed.forward_from.id, ann.id, "the author")


@scenario("history is paged by id and by offset, and counted")
async def history_pages(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    ids = [(await ann.app.send_message(bob.id, f"line {n}")).id for n in range(12)]
    same([m.id for m in await ann.history(bob.id, limit=5)], ids[:-6:-1], "the newest five")
    same([m.id for m in await ann.history(bob.id, limit=5, offset_id=ids[7])], ids[6:1:-1], "older than one")
    same([m.id for m in await ann.history(bob.id, limit=5, offset=2)], ids[9:4:-1], "two skipped")
    same([m.id for m in await ann.history(bob.id)], ids[::-1], "all")
    same(await ann.app.get_chat_history_count(bob.id), 12, "the count")
    found = await ann.app.get_messages(bob.id, [ids[3], ids[4]])
    same([m.text for m in found], ["line 3", "line 4"], "by id")


@scenario("search in a chat finds what was said")
async def searches(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    for number in range(4):
        await ann.app.send_message(bob.id, f"needle {number}")
        await ann.app.send_message(bob.id, f"hay {number}")
    found = [m.text async for m in ann.app.search_messages(bob.id, "NEEDLE")]
    same(found, [f"needle {n}" for n in (3, 2, 1, 0)], "found")
    same(await ann.app.search_messages_count(bob.id, "needle"), 4, "counted")


@scenario("reading, typing and last seen are pushed in the old layer's words")
async def reads_and_typing(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    sent = await ann.app.send_message(bob.id, "read me")
    await bob.heard("read me")
    await bob.app.read_chat_history(ann.id)
    update = await ann.raw.first(
        lambda u: isinstance(u, raw.types.UpdateReadHistoryOutbox), "updateReadHistoryOutbox"
    )
    same(update.max_id, sent.id, "up to where")
    await bob.app.send_chat_action(ann.id, enums.ChatAction.TYPING)
    update = await ann.raw.first(lambda u: isinstance(u, raw.types.UpdateUserTyping), "updateUserTyping")
    same(update.user_id, bob.id, "who types")
    await bob.app.invoke(raw.functions.account.UpdateStatus(offline=True))
    await bob.app.invoke(raw.functions.account.UpdateStatus(offline=False))
    await ann.raw.first(
        lambda u: isinstance(u, raw.types.UpdateUserStatus) and u.user_id == bob.id, "updateUserStatus"
    )


@scenario("dialogs are listed newest first, pinned ones above, with unread counts")
async def dialogs(world: World):
    ann, bob, cyd = await world.friends("Ann", "Bob", "Cyd")
    await bob.app.send_message(ann.id, "one")
    await bob.app.send_message(ann.id, "two")
    await cyd.app.send_message(ann.id, "three")
    await ann.heard("three")
    found = [d async for d in ann.app.get_dialogs() if d.chat.id in (bob.id, cyd.id)]
    same([d.chat.id for d in found], [cyd.id, bob.id], "newest first")
    same([d.unread_messages_count for d in found], [1, 2], "unread")
    same([d.top_message.text for d in found], ["three", "two"], "top messages")
    peer = raw.types.InputDialogPeer(peer=await ann.app.resolve_peer(bob.id))
    await ann.app.invoke(raw.functions.messages.ToggleDialogPin(peer=peer, pinned=True))
    found = [d async for d in ann.app.get_dialogs() if d.chat.id in (bob.id, cyd.id)]
    same([(d.chat.id, bool(d.is_pinned)) for d in found], [(bob.id, True), (cyd.id, False)], "with a pin")


@scenario("Saved Messages under the name `me`")
async def saved_messages(world: World):
    ann = await world.person("Ann")
    await ann.app.send_message("me", "buy milk")
    same([m.text for m in await ann.history("me")], ["buy milk"], "history")


@scenario("a username is set and resolved, and a profile is changed")
async def username_and_profile(world: World):
    ann, bob = await world.people("Ann", "Bob")
    name = f"pyro_{ann.phone[-5:]}_{ann.id % 1000}"
    expect(await ann.app.set_username(name), "set")
    found = await bob.app.get_users(name)
    same((found.id, found.username), (ann.id, name), "resolved")
    await ann.app.update_profile(first_name="Anna", bio="I draw maps.")
    chat = await bob.app.get_chat(name)
    same((chat.first_name, chat.bio), ("Anna", "I draw maps."), "the profile")
    await refused(bob.app.set_username(name), errors.UsernameOccupied)
    await refused(bob.app.get_users(f"nobody_{ann.id}_x"), errors.UsernameNotOccupied, errors.UsernameInvalid)


@scenario("contacts are imported, renamed, listed and deleted")
async def contacts(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    same([u.id for u in await ann.app.get_contacts()], [bob.id], "the list")
    renamed = await ann.app.add_contact(bob.id, "Robert")
    same(renamed.first_name, "Robert", "the new name")
    await ann.app.delete_contacts(bob.id)
    same(await ann.app.get_contacts(), [], "the list afterwards")


@scenario("a blocked person does not get through")
async def blocking(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await bob.app.block_user(ann.id)
    try:
        await ann.app.send_message(bob.id, "while blocked")
    except errors.RPCError:
        pass
    await bob.app.unblock_user(ann.id)
    await ann.app.send_message(bob.id, "after")
    await bob.heard("after")
    same([m.text for m in await bob.history(ann.id)], ["after"], "history")


@scenario("a document and a photo go up in 512 KB parts and come down byte for byte", limit=150)
async def files(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    content = os.urandom(1_300_000)
    document = io.BytesIO(content)
    document.name = "random.bin"
    await ann.app.send_document(bob.id, document, caption="for you")
    heard = await bob.heard("for you", seconds=60)
    same((heard.document.file_name, heard.document.file_size), ("random.bin", len(content)), "name and size")
    same((await bob.app.download_media(heard, in_memory=True)).getvalue(), content, "bytes")
    picture = io.BytesIO(png())
    picture.name = "picture.png"
    await ann.app.send_photo(bob.id, picture, caption="look")
    heard = await bob.heard("look", seconds=60)
    got = (await bob.app.download_media(heard, in_memory=True)).getvalue()
    same(jpeg_size(got), (64, 64), "the picture")


@scenario("a profile photo is set and downloaded by somebody else")
async def profile_photo(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    picture = io.BytesIO(png(64, 99))
    picture.name = "me.png"
    expect(await ann.app.set_profile_photo(photo=picture), "set")
    user = await bob.app.get_users(ann.id)
    expect(user.photo, "a photo on the user")
    got = await bob.app.download_media(user.photo.big_file_id, in_memory=True)
    same(jpeg_size(got.getvalue()), (64, 64), "the picture")


@scenario("a connection that breaks comes back with the same session, and messages go on")
async def reconnects(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    session = bob.app.session.session_id
    bob.app.session.connection.protocol.writer.transport.abort()
    await asyncio.sleep(1)

    async def back():
        return bob.app.session.is_started.is_set()

    await eventually(back, "the session is back", seconds=30)
    same(bob.app.session.session_id, session, "the session id")
    await ann.app.send_message(bob.id, "are you there?")
    await bob.heard("are you there?", seconds=30)


@scenario("the devices of a person are listed and one is ended")
async def sessions(world: World):
    ann = await world.person("Ann")
    await world.another_device(ann)
    answer = await ann.app.invoke(raw.functions.account.GetAuthorizations())
    same(len(answer.authorizations), 2, "devices")
    other = next(a for a in answer.authorizations if not a.current)
    await ann.app.invoke(raw.functions.account.ResetAuthorization(hash=other.hash))
    answer = await ann.app.invoke(raw.functions.account.GetAuthorizations())
    same(len(answer.authorizations), 1, "devices left")


@scenario("drafts, unread marks and notify settings in the old layer")
async def chat_settings(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    await ann.app.send_message(bob.id, "hi")
    peer = await ann.app.resolve_peer(bob.id)
    await ann.app.invoke(raw.functions.messages.SaveDraft(peer=peer, message="unfinished"))
    await ann.app.invoke(
        raw.functions.messages.MarkDialogUnread(peer=raw.types.InputDialogPeer(peer=peer), unread=True)
    )
    await ann.app.invoke(
        raw.functions.account.UpdateNotifySettings(
            peer=raw.types.InputNotifyPeer(peer=peer),
            settings=raw.types.InputPeerNotifySettings(mute_until=2_000_000_000),
        )
    )
    answer = await ann.app.invoke(
        raw.functions.messages.GetPeerDialogs(peers=[raw.types.InputDialogPeer(peer=peer)])
    )
    dialog = answer.dialogs[0]
    same(
        (dialog.draft.message, dialog.unread_mark, dialog.notify_settings.mute_until),
        ("unfinished", True, 2_000_000_000),
        "the dialog",
    )
    drafts = await ann.app.invoke(raw.functions.messages.GetAllDrafts())
    same([u.draft.message for u in drafts.updates], ["unfinished"], "all drafts")
