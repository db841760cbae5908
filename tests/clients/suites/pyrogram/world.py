"""The world of one Pyrogram scenario: people, and what their clients were pushed."""

import asyncio
import hashlib
import itertools
import struct

import pyrogram
import pyrogram.connection.connection as wire
import pyrogram.crypto.rsa as keys
import rsa
from pyrogram import handlers, raw
from pyrogram.connection.transport import (
    TCPAbridged,
    TCPAbridgedO,
    TCPFull,
    TCPIntermediate,
    TCPIntermediateO,
)
from pyrogram.session import Session

from ..harness.people import Numbers, code_of
from ..harness.scenario import Inbox, Suite
from ..harness.server import Target

suite = Suite("pyrogram")
scenario = suite.scenario

_numbers = Numbers("pyrogram")
_names = itertools.count()
_turn = itertools.cycle([TCPAbridged, TCPFull, TCPIntermediate, TCPAbridgedO, TCPIntermediateO])


class Device:
    """One client: connected, and after `sign_up` or `sign_in` somebody's."""

    def __init__(self):
        self.app = pyrogram.Client(
            f"chappe{next(_names)}", api_id=17349, api_hash="any", in_memory=True, sleep_threshold=0, workers=2
        )
        self.messages, self.edits, self.deletions, self.raw = Inbox(), Inbox(), Inbox(), Inbox()
        self.phone = ""
        self.me: pyrogram.types.User | None = None
        for group, (kind, inbox) in enumerate(
            (
                (handlers.MessageHandler, self.messages),
                (handlers.EditedMessageHandler, self.edits),
                (handlers.DeletedMessagesHandler, self.deletions),
            )
        ):
            self.app.add_handler(kind(self._into(inbox)), group)
        self.app.add_handler(handlers.RawUpdateHandler(self._raw), 9)

    @staticmethod
    def _into(inbox: Inbox):
        async def put(_client, item):
            inbox.put(item)

        return put

    async def _raw(self, _client, update, _users, _chats):
        self.raw.put(update)

    @property
    def id(self) -> int:
        """The user id of whoever is signed in here."""
        return self.me.id

    async def connect(self) -> "Device":
        """Makes the key and the session."""
        await self.app.connect()
        return self

    async def sign_up(self, first_name: str, last_name: str = "") -> "Device":
        """Becomes a new person with the next free test number."""
        while True:
            self.phone = _numbers.next()
            sent = await self.app.send_code(self.phone)
            answer = await self.app.sign_in(self.phone, sent.phone_code_hash, code_of(self.phone))
            if not isinstance(answer, pyrogram.types.User):  # terms of service: the number is free
                break
            await self.app.invoke(raw.functions.auth.LogOut())
        await self.app.sign_up(self.phone, sent.phone_code_hash, first_name, last_name)
        return await self._listen()

    async def sign_in(self, phone: str) -> "Device":
        """One more device of a person who exists."""
        self.phone = phone
        sent = await self.app.send_code(phone)
        await self.app.sign_in(phone, sent.phone_code_hash, code_of(phone))
        return await self._listen()

    async def _listen(self) -> "Device":
        await self.app.invoke(raw.functions.updates.GetState())
        self.me = self.app.me = await self.app.get_me()
        await self.app.initialize()
        return self

    async def knows(self, other) -> int:
        """Adds the other as a contact and gives the id to write to."""
        await self.app.import_contacts(
            [pyrogram.types.InputPhoneContact("+" + other.phone, other.me.first_name)]
        )
        return other.id

    async def heard(self, text: str, seconds: float = 15.0) -> pyrogram.types.Message:
        """Waits for a new message with this text (or caption), parsed by the library."""
        return await self.messages.first(
            lambda m: text in (m.text, m.caption), f"the message {text!r} at {self.me.first_name}", seconds
        )

    async def history(self, chat, **more) -> list[pyrogram.types.Message]:
        """The chat's messages, newest first."""
        return [m async for m in self.app.get_chat_history(chat, **more)]

    async def close(self) -> None:
        """Stops the client."""
        if self.app.is_initialized:
            await self.app.terminate()
        if self.app.is_connected:
            await self.app.disconnect()
        self.app.executor.shutdown(wait=False)


class World:
    """Makes devices and closes them behind the scenario."""

    def __init__(self):
        self._devices: list[Device] = []

    async def stranger(self) -> Device:
        """A connected client on which nobody is signed in."""
        device = Device()
        self._devices.append(device)
        return await device.connect()

    async def person(self, name: str) -> Device:
        """A new person."""
        return await (await self.stranger()).sign_up(name)

    async def people(self, *names: str) -> list[Device]:
        """Several new people."""
        return list(await asyncio.gather(*(self.person(name) for name in names)))

    async def friends(self, *names: str) -> list[Device]:
        """Several new people of whom each knows each."""
        made = await self.people(*names)
        await asyncio.gather(*(one.knows(other) for one in made for other in made if one is not other))
        return made

    async def another_device(self, of: Device) -> Device:
        """A second device of the same person."""
        return await (await self.stranger()).sign_in(of.phone)

    async def close(self) -> None:
        """Stops everything."""
        await asyncio.gather(*(device.close() for device in self._devices), return_exceptions=True)


def fingerprint(key: rsa.PublicKey) -> int:
    """The fingerprint by which a server names an RSA key: the low 64 bits of SHA1 over n and e as TL strings."""

    def tl(number: int) -> bytes:
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
        return head + data + bytes(-(len(head) + len(data)) % 4)

    return struct.unpack("<q", hashlib.sha1(tl(key.n) + tl(key.e)).digest()[-8:])[0]


def prepare(target: Target):
    """Teaches the library the server's address and key, and to take all its transports in turn."""
    key = rsa.PublicKey.load_pkcs1(target.pem("rsa-legacy").encode())
    keys.server_public_keys[fingerprint(key)] = keys.PublicKey(key.n, key.e)
    wire.DataCenter = lambda dc_id, test_mode, ipv6, media: (target.host, target.port)
    wire.TCPAbridged = lambda ipv6, proxy: next(_turn)(ipv6, proxy)
    Session.START_TIMEOUT = 15  # the library's 2 s are short for a debug build on two busy cores
    return World
