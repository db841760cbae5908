"""Everyday talk between clients of different layers: none may receive what its layer cannot say."""

import asyncio
import io
import os

from telethon.tl import functions, types

from ..harness.pictures import jpeg_size, png
from ..harness.scenario import expect, same
from .world import World, scenario


async def three(world: World):
    """Olga on layer 158, Nick on 229, Tina on 232, who know each other; gives them and the chats with each other."""
    olga, nick, tina = await asyncio.gather(
        world.old.person("Olga"), world.new.person("Nick"), world.newest.person("Tina")
    )
    nick.me.first_name = "Nick"
    return olga, nick, tina


class Card:
    """What another library's `knows` wants to know about a person."""

    def __init__(self, user_id: int, phone: str, name: str):
        self.id = user_id
        self.phone = phone
        self.me = _Name(name)


class _Name(dict):
    """A first name, as an attribute and as a key."""

    def __init__(self, name: str):
        super().__init__(first_name=name)
        self.first_name = name


def card(person) -> Card:
    """The card of a person of any library."""
    me = person.me
    name = me["first_name"] if isinstance(me, dict) else me.first_name
    return Card(person.id, person.phone, name)


@scenario("layer 158 and layer 229 write to each other, both ways, with entities, edits, replies and deletions")
async def old_and_new(world: World):
    olga, nick = await asyncio.gather(world.old.person("Olga"), world.new.person("Nick"))
    to_nick, to_olga = await olga.knows(card(nick)), await nick.knows(card(olga))
    await olga.app.send_message(to_nick, "**old** to new")
    heard = await nick.heard("old to new")
    expect(isinstance(heard.entities[0], types.MessageEntityBold), "the entity")
    await nick.client.send_message(to_olga, "new to old", reply_to=heard.id)
    answer = await olga.heard("new to old")
    same(answer.reply_to_message.text, "old to new", "the reply in the old layer")
    mine = (await nick.history(to_olga, limit=1))[0]
    await nick.client.edit_message(to_olga, mine.id, "new to old, edited")
    await olga.edits.first(lambda m: m.text == "new to old, edited", "the edit")
    await nick(functions.messages.DeleteMessagesRequest([mine.id], revoke=True))
    await olga.deletions.first(lambda many: answer.id in [m.id for m in many], "the deletion")
    same([m.text for m in await olga.history(to_nick)], ["old to new"], "history in the old layer")


@scenario("layer 158 and layer 232 write to each other, both ways")
async def old_and_newest(world: World):
    olga, tina = await asyncio.gather(world.old.person("Olga"), world.newest.person("Tina"))
    to_tina, to_olga = await olga.knows(card(tina)), await tina.knows(card(olga))
    await olga.app.send_message(to_tina, "old to newest")
    await tina.heard("old to newest")
    await tina.say(to_olga, "newest to old")
    await olga.heard("newest to old")


@scenario("one person on devices of three layers: all of them see every message")
async def one_person_three_layers(world: World):
    nick = await world.new.person("Nick")
    bob = await world.new.person("Bob")
    old, newest = await asyncio.gather(
        (await world.old.stranger()).sign_in(nick.phone), (await world.newest.stranger()).sign_in(nick.phone)
    )
    await bob.say(nick, "to all three")
    await asyncio.gather(nick.heard("to all three"), old.heard("to all three"), newest.heard("to all three"))
    await old.app.send_message((await old.knows(card(bob))), "from the old one")
    await asyncio.gather(
        bob.heard("from the old one"), nick.heard("from the old one"), newest.heard("from the old one")
    )


@scenario("a supergroup of three layers: messages, a forward, a file and a photo reach all")
async def supergroup_of_three(world: World):
    olga, nick, tina = await three(world)
    for other in (olga, tina):
        await nick.knows(card(other))
    answer = await nick(functions.channels.CreateChannelRequest("Layers", "158, 229, 232", megagroup=True))
    made = answer.chats[0]
    channel = types.InputChannel(made.id, made.access_hash)
    users = [await nick.input_user(card(other)) for other in (olga, tina)]
    await nick(functions.channels.InviteToChannelRequest(channel, users))
    peer = types.InputPeerChannel(made.id, made.access_hash)
    await nick.client.send_message(peer, "hello, all layers")
    first, second = await asyncio.gather(olga.heard("hello, all layers"), tina.heard("hello, all layers"))
    await olga.app.send_message(first.chat.id, "158 here")
    await asyncio.gather(nick.heard("158 here"), tina.heard("158 here"))
    await tina.say(second["chat_id"], "232 here")
    await asyncio.gather(nick.heard("232 here"), olga.heard("232 here"))
    content = os.urandom(50_000)
    sent = io.BytesIO(content)
    sent.name = "layers.bin"
    await olga.app.send_document(first.chat.id, sent, caption="a file of 158")
    heard = await nick.heard("a file of 158", seconds=40)
    same(await nick.client.download_media(heard, bytes), content, "bytes at layer 229")
    picture = await nick.client.upload_file(png(), file_name="p.png")
    await nick.client.send_file(peer, picture, caption="a photo of 229")
    heard = await olga.heard("a photo of 229", seconds=40)
    got = (await olga.app.download_media(heard, in_memory=True)).getvalue()
    same(jpeg_size(got), (64, 64), "the picture at layer 158")


@scenario("a basic group of three layers, made by the oldest")
async def group_of_three(world: World):
    olga, nick, tina = await three(world)
    ids = [await olga.knows(card(other)) for other in (nick, tina)]
    chat = await olga.app.create_group("Old and new", ids)
    await olga.app.send_message(chat.id, "from the oldest")
    heard, seen = await asyncio.gather(nick.heard("from the oldest"), tina.heard("from the oldest"))
    await nick.client.send_message(types.InputPeerChat(heard.peer_id.chat_id), "from the middle")
    await asyncio.gather(olga.heard("from the middle"), tina.heard("from the middle"))
    await tina.say(seen["chat_id"], "from the newest")
    await asyncio.gather(olga.heard("from the newest"), nick.heard("from the newest"))
