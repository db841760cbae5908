"""People and private chats in TDLib."""

import asyncio
import os
import time

from ..harness.people import code_of, wrong_code_for
from ..harness.pictures import png
from ..harness.scenario import eventually, expect, refused, same
from ..harness.socks import Socks
from .world import TdError, World, scenario


@scenario("a new person signs up: phone, code, terms of service, name", pfs=True)
async def signs_up(world: World):
    ann = await world.person("Ann", "Archer")
    same((ann.me["first_name"], ann.me["last_name"]), ("Ann", "Archer"), "getMe")
    same(ann.me["phone_number"], ann.phone, "the phone number")
    expect(world.proxy.dialled, "everything went through the proxy")


@scenario("a wrong code is PHONE_CODE_INVALID, a bad number PHONE_NUMBER_INVALID, the right code signs in", pfs=True)
async def wrong_code(world: World):
    ann = await world.person("Ann")
    other = await world.stranger()
    error = await refused(other("setAuthenticationPhoneNumber", phone_number="12"), TdError)
    same((error.code, error.message), (400, "PHONE_NUMBER_INVALID"), "a bad number")
    other.phone = ann.phone
    await other.ask_for_code()
    error = await refused(other("checkAuthenticationCode", code=wrong_code_for(ann.phone)), TdError)
    same((error.code, error.message), (400, "PHONE_CODE_INVALID"), "a wrong code")
    await other("checkAuthenticationCode", code=code_of(ann.phone))
    await other.becomes("Ready")
    same((await other("getMe"))["id"], ann.id, "who signed in")


@scenario("two people write to each other, with entities", pfs=True)
async def two_people_chat(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob, to_ann = await ann.knows(bob), await bob.knows(ann)
    bold = {"@type": "textEntity", "offset": 0, "length": 5, "type": {"@type": "textEntityTypeBold"}}
    text = {"@type": "formattedText", "text": "Hello, Bob 👋🏽", "entities": [bold]}
    await ann.send(to_bob, {"@type": "inputMessageText", "text": text})
    heard = await bob.heard("Hello, Bob 👋🏽")
    same((heard["chat_id"], heard["is_outgoing"]), (to_ann, False), "chat and direction")
    found = [e["type"]["@type"] for e in heard["content"]["text"]["entities"]]
    same(found, ["textEntityTypeBold"], "entities")
    await bob.say(to_ann, "Hello, Ann")
    await ann.heard("Hello, Ann")
    same(await ann.texts(to_bob), ["Hello, Ann", "Hello, Bob 👋🏽"], "history")


@scenario("over HTTP alone two people sign up, write to each other, and hear each other at once", pfs=True)
async def over_http(world: World):
    world.http = True
    ann, bob = await world.people("Ann", "Bob")
    to_bob, to_ann = await ann.knows(bob), await bob.knows(ann)
    for number in range(5):
        await ann.say(to_bob, f"ping {number}")
        await bob.heard(f"ping {number}", seconds=10)
        await bob.say(to_ann, f"pong {number}")
        await ann.heard(f"pong {number}", seconds=10)
    same(len(await ann.texts(to_bob)), 10, "history")
    same(world.proxy.port, 0, "a connection of another kind")


@scenario("two devices of one person see messages, edits and deletions live", pfs=True)
async def two_devices(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob = await ann.knows(bob)
    tablet = await world.another_device(ann)
    sent = await ann.say(to_bob, "from the phone")
    own = await tablet.heard("from the phone")
    same((own["id"], own["is_outgoing"]), (sent["id"], True), "one's own message on the other device")
    to_ann = await bob.knows(ann)
    await bob.say(to_ann, "to both")
    await asyncio.gather(ann.heard("to both"), tablet.heard("to both"))
    text = {"@type": "formattedText", "text": "edited"}
    await ann(
        "editMessageText",
        chat_id=to_bob,
        message_id=sent["id"],
        input_message_content={"@type": "inputMessageText", "text": text},
    )
    for device in (tablet, bob):
        await device.saw("updateMessageContent", lambda u: u["new_content"]["text"]["text"] == "edited")
    await ann("deleteMessages", chat_id=to_bob, message_ids=[sent["id"]], revoke=True)
    for device in (tablet, bob):
        await device.saw("updateDeleteMessages", lambda u: u["is_permanent"])
    same(await bob.texts(to_ann), ["to both"], "what is left")


@scenario("a network that was cut for 40 messages: all arrive afterwards, in order, none twice", pfs=True, limit=150)
async def cut_network(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob = await ann.knows(bob)
    await ann.say(to_bob, "before the cut")
    await bob.heard("before the cut")
    other_way = await Socks(world.target.host, world.target.port).open()
    proxy = {"@type": "proxy", "server": "127.0.0.1", "port": other_way.port}
    proxy["type"] = {"@type": "proxyTypeSocks5"}
    await ann("addProxy", proxy=proxy, enable=True)
    world.proxy.closed = True
    world.proxy.cut()
    for number in range(40):
        await ann.say(to_bob, f"cut {number}")
    world.proxy.closed = False
    await bob("setNetworkType", type={"@type": "networkTypeWiFi"})
    await bob.heard("cut 39", seconds=60)
    heard = [
        u["message"]["content"]["text"]["text"]
        for u in bob.inbox.items
        if u["@type"] == "updateNewMessage" and u["message"]["content"]["@type"] == "messageText"
    ]
    same([t for t in heard if t.startswith("cut ")], [f"cut {n}" for n in range(40)], "what arrived")
    await ann.close()
    await other_way.close()


@scenario("a client that was closed catches up from its own files, in order, none twice", pfs=True, limit=150)
async def closed_client(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob, to_ann = await ann.knows(bob), await bob.knows(ann)
    await ann.say(to_bob, "while here")
    await bob.heard("while here")
    await bob.close()
    for number in range(60):
        await ann.say(to_bob, f"away {number}")
    back = await world.reopened(bob)
    await back.heard("away 59", seconds=60)
    wanted = [f"away {n}" for n in reversed(range(60))] + ["while here"]
    same(await back.texts(to_ann), wanted, "history")
    arrived = [u["message"]["id"] for u in back.inbox.items if u["@type"] == "updateNewMessage"]
    same(len(arrived), len(set(arrived)), "none twice")


@scenario("replies and forwards point at the right message and author")
async def replies_and_forwards(world: World):
    ann, bob, cyd = await world.people("Ann", "Bob", "Cyd")
    to_bob, to_ann, to_cyd = await ann.knows(bob), await bob.knows(ann), await bob.knows(cyd)
    await ann.say(to_bob, "question?")
    asked = await bob.heard("question?")
    await bob.say(to_ann, "answer!", reply_to={"@type": "inputMessageReplyToMessage", "message_id": asked["id"]})
    answer = await ann.heard("answer!")
    at_ann = next(m for m in await ann.history(to_bob) if m["content"]["text"]["text"] == "question?")
    same(answer["reply_to"]["message_id"], at_ann["id"], "the reply")
    await bob("forwardMessages", chat_id=to_cyd, from_chat_id=to_ann, message_ids=[asked["id"]])
    passed = await cyd.heard("question?")
    same(passed["forward_info"]["origin"]["sender_user_id"], ann.id, "the author of the forward")


@scenario("read receipts, typing and last seen")
async def reads_and_typing(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob, to_ann = await ann.knows(bob), await bob.knows(ann)
    sent = await ann.say(to_bob, "read me")
    heard = await bob.heard("read me")
    await bob("openChat", chat_id=to_ann)
    await bob("viewMessages", chat_id=to_ann, message_ids=[heard["id"]], force_read=True)
    await ann.saw("updateChatReadOutbox", lambda u: u["last_read_outbox_message_id"] == sent["id"])
    await ann("openChat", chat_id=to_bob)  # only then the library shows what people do whose status it does not know
    await bob("sendChatAction", chat_id=to_ann, action={"@type": "chatActionTyping"})
    await ann.saw("updateChatAction", lambda u: u["action"]["@type"] == "chatActionTyping")
    online = {"@type": "optionValueBoolean", "value": True}
    await bob("setOption", name="online", value=online)
    await ann.saw(
        "updateUserStatus", lambda u: u["user_id"] == bob.id and u["status"]["@type"] == "userStatusOnline"
    )


@scenario("the chat list: order, unread counts, pins, drafts, Saved Messages")
async def chat_list(world: World):
    ann, bob, cyd = await world.people("Ann", "Bob", "Cyd")
    to_bob, to_cyd = await ann.knows(bob), await ann.knows(cyd)
    await bob.say(await bob.knows(ann), "one")
    await cyd.say(await cyd.knows(ann), "two")
    await ann.heard("two")
    main = {"@type": "chatListMain"}

    async def order():
        found = await ann("getChats", chat_list=main, limit=20)
        return [c for c in found["chat_ids"] if c in (to_bob, to_cyd, ann.id)]

    same(await order(), [to_cyd, to_bob], "newest first")
    same((await ann("getChat", chat_id=to_bob))["unread_count"], 1, "unread")
    await ann("toggleChatIsPinned", chat_list=main, chat_id=to_bob, is_pinned=True)
    same(await order(), [to_bob, to_cyd], "with a pin")
    mine = (await ann("createPrivateChat", user_id=ann.id, force=False))["id"]
    await ann.say(mine, "a note")
    same(await ann.texts(mine), ["a note"], "Saved Messages")
    same(await order(), [to_bob, mine, to_cyd], "with Saved Messages")


@scenario("a username is set, found, and a profile changed")
async def username_and_profile(world: World):
    ann, bob = await world.people("Ann", "Bob")
    name = f"td_{ann.phone[-5:]}_{ann.id % 1000}"
    await ann("setUsername", username=name)
    await ann("setName", first_name="Anna", last_name="A.")
    await ann("setBio", bio="I draw maps.")
    found = await bob("searchPublicChat", username=name)
    same((found["id"], found["title"]), (ann.id, "Anna A."), "found")
    full = await bob("getUserFullInfo", user_id=ann.id)
    same(full["bio"]["text"], "I draw maps.", "the bio")
    error = await refused(bob("setUsername", username=name), TdError)
    same(error.message, "USERNAME_OCCUPIED", "taken")


@scenario("a document and a photo are sent and downloaded byte for byte", pfs=True, limit=150)
async def files(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob = await ann.knows(bob)
    content = os.urandom(1_200_000)
    document = world.folder / "random.bin"
    document.write_bytes(content)
    await ann.send(
        to_bob,
        {
            "@type": "inputMessageDocument",
            "document": {"@type": "inputDocument", "document": {"@type": "inputFileLocal", "path": str(document)}},
            "caption": {"@type": "formattedText", "text": "for you"},
        },
        seconds=60,
    )
    heard = await bob.heard("for you")
    found = heard["content"]["document"]
    same((found["file_name"], found["document"]["size"]), ("random.bin", len(content)), "name and size")
    file = await bob(
        "downloadFile", file_id=found["document"]["id"], priority=32, offset=0, limit=0, synchronous=True, seconds=60
    )
    expect(file["local"]["is_downloading_completed"], "downloaded")
    with open(file["local"]["path"], "rb") as got:
        same(got.read(), content, "bytes")
    picture = world.folder / "picture.png"
    picture.write_bytes(png())
    await ann.send(
        to_bob,
        {
            "@type": "inputMessagePhoto",
            "photo": {
                "@type": "inputPhoto",
                "photo": {"@type": "inputFileLocal", "path": str(picture)},
                "width": 64,
                "height": 64,
            },
            "caption": {"@type": "formattedText", "text": "look"},
        },
        seconds=60,
    )
    heard = await bob.heard("look")
    same(heard["content"]["@type"], "messagePhoto", "a photo")


@scenario("the devices of a person are listed; one that is ended is logged out at once", pfs=True)
async def sessions(world: World):
    ann = await world.person("Ann")
    tablet = await world.another_device(ann)
    listed = (await ann("getActiveSessions"))["sessions"]
    same(len(listed), 2, "devices")
    other = next(s for s in listed if not s["is_current"])
    await ann("terminateSession", session_id=other["id"])
    await tablet.becomes("LoggingOut", "Closing", "Closed", "WaitPhoneNumber", seconds=30)
    same(len((await ann("getActiveSessions"))["sessions"]), 1, "devices left")


@scenario("logging out closes the client, and the number signs in again")
async def logs_out(world: World):
    ann = await world.person("Ann")
    await ann("logOut")
    await ann.becomes("Closed")
    again = await (await world.stranger()).sign_in(ann.phone)
    same(again.id, ann.id, "the same person")


@scenario("search in a chat and in the history by id")
async def searches(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob = await ann.knows(bob)
    for number in range(4):
        await ann.say(to_bob, f"needle {number}")
        await ann.say(to_bob, f"hay {number}")
    found = await ann(
        "searchChatMessages", chat_id=to_bob, query="NEEDLE", from_message_id=0, offset=0, limit=50
    )
    texts = [m["content"]["text"]["text"] for m in found["messages"]]
    same(texts, [f"needle {n}" for n in (3, 2, 1, 0)], "found")


@scenario("a blocked person does not get through, and contacts are deleted")
async def blocking_and_contacts(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob, to_ann = await ann.knows(bob), await bob.knows(ann)
    sender = {"@type": "messageSenderUser", "user_id": ann.id}
    # The library says so before the server does; a question after it comes after it there, too.
    asks = {"block_list": {"@type": "blockListMain"}, "offset": 0, "limit": 10}
    for _ in range(2):  # a late answer about Ann lets the library forget that it has just blocked her
        await bob("setMessageSenderBlockList", sender_id=sender, block_list=asks["block_list"])
        same((await bob("getBlockedMessageSenders", **asks))["total_count"], 1, "the blocked")
    try:
        await ann.say(to_bob, "while blocked")
    except TdError:
        pass
    await bob("setMessageSenderBlockList", sender_id=sender)
    same((await bob("getBlockedMessageSenders", **asks))["total_count"], 0, "the blocked afterwards")
    await ann.say(to_bob, "after")
    await bob.heard("after")
    same(await bob.texts(to_ann), ["after"], "what arrived")
    same((await ann("getContacts"))["user_ids"], [bob.id], "contacts")
    await ann("removeContacts", user_ids=[bob.id])
    same((await ann("getContacts"))["user_ids"], [], "contacts afterwards")


@scenario("drafts and marks made on one device are seen on the other")
async def chat_settings(world: World):
    ann, bob = await world.people("Ann", "Bob")
    to_bob = await ann.knows(bob)
    tablet = await world.another_device(ann)
    await ann.say(to_bob, "hi")
    await tablet.heard("hi")
    await ann("toggleChatIsMarkedAsUnread", chat_id=to_bob, is_marked_as_unread=True)
    await tablet.saw("updateChatIsMarkedAsUnread", lambda u: u["is_marked_as_unread"])
    until = int(time.time()) + 86400

    async def muted():
        settings = (await ann("getChat", chat_id=to_bob))["notification_settings"]
        settings.update(use_default_mute_for=False, mute_for=until - int(time.time()))
        await ann("setChatNotificationSettings", chat_id=to_bob, notification_settings=settings)
        return True

    await eventually(muted, "muted")
    await tablet.saw("updateChatNotificationSettings", lambda u: u["notification_settings"]["mute_for"] > 0)
