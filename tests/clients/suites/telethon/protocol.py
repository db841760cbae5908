"""The protocol itself: containers, gzip, unknown methods, bad bytes, unknown keys, other protocols on the port."""

import asyncio
import os
import shutil
import struct
import time

from telethon import errors
from telethon.crypto import AuthKey
from telethon.errors import AuthKeyNotFound, InvalidBufferError
from telethon.sessions import MemorySession
from telethon.tl import functions, types
from telethon.tl.core import GzipPacked
from telethon.tl.tlobject import TLRequest

from ..harness.scenario import Skip, expect, refused, same
from .world import World, scenario


class Unknown(TLRequest):
    """A method that no layer has."""

    CONSTRUCTOR_ID = 0x0BADF00D
    SUBCLASS_OF_ID = 0

    def _bytes(self):
        return struct.pack("<I", self.CONSTRUCTOR_ID) + os.urandom(8)

    def to_dict(self):
        return {"_": "Unknown"}


class Truncated(TLRequest):
    """users.getUsers whose vector promises more than there is."""

    CONSTRUCTOR_ID = 0x0D91A548
    SUBCLASS_OF_ID = 0

    def _bytes(self):
        return struct.pack("<IIi", self.CONSTRUCTOR_ID, 0x1CB5C415, 1_000_000)

    def to_dict(self):
        return {"_": "Truncated"}


@scenario("50 requests in one container are all answered")
async def fifty_in_a_container(world: World):
    ann = await world.person("Ann")
    answers = await ann.client([functions.help.GetConfigRequest() for _ in range(50)])
    same(len(answers), 50, "answers")
    same({a.this_dc for a in answers}, {2}, "each a config")
    requests = [functions.messages.SendMessageRequest(types.InputPeerSelf(), f"c{n}") for n in range(50)]
    await ann.client(requests, ordered=True)
    same([m.message for m in reversed(await ann.history("me"))], [f"c{n}" for n in range(50)], "in their order")


@scenario("a big request goes gzipped, and big answers come back readable")
async def gzipped(world: World):
    ann, bob = await world.friends("Ann", "Bob")
    text = "all work and no play makes Jack a dull boy. " * 90
    request = functions.messages.SendMessageRequest(await ann.knows(bob), text.strip())
    body = bytes(request)
    expect(len(GzipPacked.gzip_if_smaller(True, body)) < len(body), "the library packs it")
    await ann(request)
    await bob.heard(text.strip())
    for _ in range(10):
        await ann.say(bob, text.strip())
    same(len(await bob.history(ann)), 11, "a big answer")


@scenario("an unknown method gets an rpc_error of code 400, and the connection lives on")
async def unknown_method(world: World):
    ann = await world.person("Ann")
    session = ann.client._sender._state.id
    error = await refused(ann(Unknown()), errors.RPCError)
    same(error.code, 400, f"code of {error}")
    error = await refused(ann(Truncated()), errors.RPCError)
    same(error.code, 400, f"code of {error}")
    same((await ann.client.get_me()).id, ann.id, "still there")
    same(ann.client._sender._state.id, session, "without a reconnect")


@scenario("what needs a login answers 401 without one, and what needs none works")
async def unauthorized(world: World):
    stranger = await world.stranger()
    for request in (
        functions.users.GetUsersRequest([types.InputUserSelf()]),
        functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 10, 0),
        functions.updates.GetStateRequest(),
        functions.contacts.GetContactsRequest(0),
        functions.account.GetAuthorizationsRequest(),
        functions.messages.SendMessageRequest(types.InputPeerSelf(), "me?"),
    ):
        error = await refused(stranger(request), errors.UnauthorizedError)
        same(error.code, 401, f"code of {error}")
    config = await stranger(functions.help.GetConfigRequest())
    same(config.this_dc, 2, "the data centre one is in")
    expect({o.id for o in config.dc_options} >= {1, 2, 3, 4, 5}, "its own address for each data centre")
    expect({o.port for o in config.dc_options} == {world.target.port}, "the port one dialled")
    expect(config.expires.timestamp() > time.time(), "a config that has not expired")
    await stranger(functions.help.GetNearestDcRequest())


@scenario("a key that the server does not know gets -404")
async def unknown_key(world: World):
    session = MemorySession()
    session.set_dc(2, world.target.host, world.target.port)
    session.auth_key = AuthKey(os.urandom(256))
    device = world.blank("abridged", session=session)
    await refused(
        asyncio.wait_for(device.client.connect(), 15), AuthKeyNotFound, InvalidBufferError, ConnectionError
    )


@scenario("-404 comes in the framing of the connection")
async def unknown_key_by_hand(world: World):
    packet = os.urandom(8) + os.urandom(16) + os.urandom(96)
    for marker, frame, head in (
        (b"\xef", bytes([len(packet) // 4]) + packet, b"\x01"),
        (b"\xee\xee\xee\xee", struct.pack("<I", len(packet)) + packet, struct.pack("<I", 4)),
    ):
        reader, writer = await asyncio.open_connection(world.target.host, world.target.port)
        writer.write(marker + frame)
        answer = await asyncio.wait_for(reader.read(), 15)
        same(answer, head + struct.pack("<i", -404), f"the answer after {marker.hex()}")
        writer.close()


@scenario("garbage gets no more than -404 and a closed connection, and others do not notice")
async def garbage(world: World):
    ann = await world.person("Ann")

    async def throw(data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(world.target.host, world.target.port)
        writer.write(data)
        try:
            if writer.can_write_eof():
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 30)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    answers = await asyncio.gather(
        *(throw(os.urandom(size)) for size in (1, 3, 4, 8, 63, 64, 65, 200, 5000, 300_000)),
        throw(b""),
        throw(b"\xef\x7f\xff\xff\xff"),
        throw(b"\xee\xee\xee\xee\xff\xff\xff\x7f"),
        throw(b"\xef\x0a" + bytes(40)),
        throw(struct.pack("<II", 0x7FFFFFFF, 0) + os.urandom(64)),
        throw(b"\x16\x03\x01\x02\x00" + os.urandom(512)),
        throw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    )
    expect(all(len(a) <= 300 for a in answers), f"lengths {[len(a) for a in answers]}")
    await ann.say("me", "still here")
    same((await ann.history("me"))[0].message, "still here", "the server lives")


@scenario("curl on the port gets an HTTP answer or a closed connection, never a hang")
async def curl(world: World):
    if not shutil.which("curl"):
        raise Skip("curl is not installed")
    for path in ("/", "/apiws", "/api"):
        process = await asyncio.create_subprocess_exec(
            "curl", "-s", "-m", "20", f"http://{world.target.host}:{world.target.port}{path}",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await process.communicate()
        expect(process.returncode != 28, f"curl {path} ended within its time")


@scenario("a WebSocket on the same port carries a whole client: sign-up, messages both ways, a file")
async def websocket(world: World):
    ann, bridge = await world.over_websocket("Ann")
    bob = await world.person("Bob")
    await ann.say(bob, "from a browser")
    await bob.heard("from a browser")
    await bob.knows(ann)
    await bob.say(ann, "to a browser")
    await ann.heard("to a browser")
    content = os.urandom(200_000)
    document = await ann.client.upload_file(content, file_name="w.bin")
    await ann.client.send_file(await ann.knows(bob), document, caption="a file", force_document=True)
    heard = await bob.heard("a file")
    same(await bob.client.download_media(heard, bytes), content, "bytes up")
    mine = (await ann.history(bob, limit=1))[0]
    same(await ann.client.download_media(mine, bytes), content, "bytes down")
    expect(bridge.opened >= 1, "it went through the WebSocket")


@scenario("a corrupted packet does not get through, and the right ones after a reconnect do")
async def corrupted(world: World):
    ann = await world.person("Ann", "abridged")
    writer = ann.client._sender._connection._writer
    packet = struct.pack("<Q", ann.client.session.auth_key.key_id) + os.urandom(16 + 128)
    writer.write(bytes([len(packet) // 4]) + packet)
    try:
        await writer.drain()
    except ConnectionError:
        pass
    other = await world.another_device(ann)
    await other.say("me", "from a good connection")
    same((await other.history("me"))[0].message, "from a good connection", "the account works")


@scenario("start-up questions that mean nothing here get well-formed empty answers")
async def empty_answers(world: World):
    ann = await world.person("Ann")
    requests = [
        functions.help.GetAppConfigRequest(0),
        functions.help.GetCountriesListRequest("en", 0),
        functions.help.GetTermsOfServiceUpdateRequest(),
        functions.help.GetPromoDataRequest(),
        functions.help.GetPeerColorsRequest(0),
        functions.help.GetPeerProfileColorsRequest(0),
        functions.help.GetTimezonesListRequest(0),
        functions.messages.GetDialogFiltersRequest(),
        functions.messages.GetAvailableReactionsRequest(0),
        functions.messages.GetAllStickersRequest(0),
        functions.messages.GetFavedStickersRequest(0),
        functions.messages.GetRecentStickersRequest(0),
        functions.messages.GetFeaturedStickersRequest(0),
        functions.messages.GetSavedGifsRequest(0),
        functions.messages.GetAttachMenuBotsRequest(0),
        functions.messages.GetTopReactionsRequest(10, 0),
        functions.messages.GetAvailableEffectsRequest(0),
        functions.account.GetContentSettingsRequest(),
        functions.account.GetGlobalPrivacySettingsRequest(),
        functions.account.GetPrivacyRequest(types.InputPrivacyKeyStatusTimestamp()),
        functions.account.GetContactSignUpNotificationRequest(),
        functions.account.GetDefaultEmojiStatusesRequest(0),
        functions.account.GetPasswordRequest(),
        functions.contacts.GetTopPeersRequest(0, 10, 0, correspondents=True),
        functions.stories.GetAllStoriesRequest(),
        functions.langpack.GetLanguagesRequest("tdesktop"),
    ]
    failed = []
    for request in requests:
        try:
            await ann(request)
        except Exception as error:  # noqa: BLE001 - every failure is listed
            failed.append(f"{type(request).__name__}: {error}")
    same(failed, [], "requests that were not answered")
