"""The world of one Telethon scenario: people, their devices, and what they were pushed."""

import asyncio
import itertools

from telethon import TelegramClient, events
from telethon.crypto import rsa
from telethon.network import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
from telethon.network.connection.connection import ObfuscatedConnection
from telethon.network.connection.tcpintermediate import RandomizedIntermediatePacketCodec
from telethon.network.connection.tcpobfuscated import ObfuscatedIO
from telethon.sessions import MemorySession
from telethon.tl import functions, types

from ..harness.people import Numbers, code_of
from ..harness.scenario import Inbox, Suite
from ..harness.server import Target
from ..harness.websocket import Bridge

suite = Suite("telethon")
scenario = suite.scenario


class ConnectionTcpPadded(ObfuscatedConnection):
    """Obfuscated padded intermediate, which the library has only inside its MTProxy classes."""

    obfuscated_io = ObfuscatedIO
    packet_codec = RandomizedIntermediatePacketCodec


TRANSPORTS = {
    "full": ConnectionTcpFull,
    "abridged": ConnectionTcpAbridged,
    "intermediate": ConnectionTcpIntermediate,
    "obfuscated": ConnectionTcpObfuscated,
    "padded": ConnectionTcpPadded,
}
_turn = itertools.cycle(TRANSPORTS)
_numbers = Numbers("telethon")


class Device:
    """One connection of one person (or of nobody yet)."""

    def __init__(self, target: Target, transport: str | None = None, session=None, **options):
        self.target = target
        self.transport = transport or next(_turn)
        self.phone = ""
        self.me: types.User | None = None
        self.terms: types.help.TermsOfService | None = None
        self.inbox = Inbox()
        self._peers: dict[int, types.InputPeerUser] = {}
        if session is None:
            session = MemorySession()
            session.set_dc(2, target.host, target.port)
        self.client = TelegramClient(
            session,
            17349,
            "an api hash of no meaning",
            connection=TRANSPORTS[self.transport],
            flood_sleep_threshold=0,
            request_retries=2,
            connection_retries=5,
            retry_delay=1,
            sequential_updates=True,
            **options,
        )
        self.client.add_event_handler(self._pushed, events.Raw)

    async def _pushed(self, update) -> None:
        self.inbox.put(self._in_full(update) if isinstance(update, types.UpdateShortMessage) else update)

    def _in_full(self, short: types.UpdateShortMessage) -> types.UpdateNewMessage:
        """What the short form of a push means, as the library itself completes it for its events."""
        message = types.Message(
            id=short.id,
            peer_id=types.PeerUser(short.user_id),
            from_id=types.PeerUser(self.id if short.out else short.user_id),
            out=short.out,
            mentioned=short.mentioned,
            media_unread=short.media_unread,
            silent=short.silent,
            date=short.date,
            message=short.message,
            fwd_from=short.fwd_from,
            via_bot_id=short.via_bot_id,
            reply_to=short.reply_to,
            entities=short.entities,
            ttl_period=short.ttl_period,
        )
        return types.UpdateNewMessage(message, short.pts, short.pts_count)

    async def __call__(self, request):
        return await self.client(request)

    @property
    def id(self) -> int:
        """The user id of whoever is signed in here."""
        return self.me.id

    async def connect(self) -> "Device":
        """Makes the key (if there is none) and the connection."""
        await self.client.connect()
        return self

    async def take_number(self):
        """Takes a test number that nobody has; gives the auth.sentCode whose code was right but for a name."""
        while True:
            self.phone = _numbers.next()
            sent = await self.send_code()
            answer = await self.sign_in_raw(sent.phone_code_hash)
            if isinstance(answer, types.auth.AuthorizationSignUpRequired):
                self.terms = answer.terms_of_service
                return sent
            await self(functions.auth.LogOutRequest())  # taken in an earlier run
            await self.client.connect()

    async def sign_up(self, first_name: str, last_name: str = "") -> "Device":
        """Becomes a new person with the next free test number."""
        sent = await self.take_number()
        answer = await self(
            functions.auth.SignUpRequest(self.phone, sent.phone_code_hash, first_name, last_name)
        )
        await self.became(answer.user)
        return self

    async def sign_in(self, phone: str) -> "Device":
        """One more device of a person who exists."""
        self.phone = phone
        sent = await self.send_code()
        answer = await self.sign_in_raw(sent.phone_code_hash)
        await self.became(answer.user)
        return self

    async def send_code(self):
        """auth.sendCode for this device's number."""
        return await self(
            functions.auth.SendCodeRequest(self.phone, 17349, "an api hash of no meaning", types.CodeSettings())
        )

    async def sign_in_raw(self, phone_code_hash: str, code: str | None = None):
        """auth.signIn with the test code (or another one)."""
        return await self(functions.auth.SignInRequest(self.phone, phone_code_hash, code or code_of(self.phone)))

    async def became(self, user: types.User) -> None:
        """Lets the library know who it is, as its own `sign_in` would."""
        self.me = user
        await self.client._on_login(user)

    async def knows(self, other: "Device") -> types.InputPeerUser:
        """The other person as this one may name them; the first time by adding them as a contact."""
        if other.id not in self._peers:
            answer = await self(
                functions.contacts.ImportContactsRequest(
                    [types.InputPhoneContact(0, "+" + other.phone, other.me.first_name, "")]
                )
            )
            user = next(u for u in answer.users if u.id == other.id)
            self._peers[other.id] = types.InputPeerUser(user.id, user.access_hash)
        return self._peers[other.id]

    async def input_user(self, other: "Device") -> types.InputUser:
        """The same as an InputUser."""
        peer = await self.knows(other)
        return types.InputUser(peer.user_id, peer.access_hash)

    async def say(self, to, text: str, **more):
        """Sends a text; gives the library's Message."""
        return await self.client.send_message(await self.peer(to), text, **more)

    async def peer(self, to):
        """An InputPeer of a Device, or whatever else the library takes."""
        return await self.knows(to) if isinstance(to, Device) else to

    async def history(self, peer, limit: int = 100, **more) -> list:
        """messages.getHistory, newest first."""
        asked = dict(offset_id=0, offset_date=None, add_offset=0, limit=limit, max_id=0, min_id=0, hash=0)
        asked.update(more)
        return (await self(functions.messages.GetHistoryRequest(await self.peer(peer), **asked))).messages

    async def pts(self) -> int:
        """The account's pts."""
        return (await self(functions.updates.GetStateRequest())).pts

    async def heard(self, text: str, seconds: float = 15.0):
        """Waits for a pushed new message with this text."""
        kinds = (types.UpdateNewMessage, types.UpdateNewChannelMessage)
        update = await self.inbox.first(
            lambda u: isinstance(u, kinds) and getattr(u.message, "message", None) == text,
            f"the push of the message {text!r} to {self.name}",
            seconds,
        )
        return update.message

    async def saw(self, kind, fits=lambda update: True, seconds: float = 15.0):
        """Waits for a pushed update of this kind."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        what = f"the push of {' or '.join(k.__name__ for k in kinds)} to {self.name}"
        return await self.inbox.first(lambda u: isinstance(u, kinds) and fits(u), what, seconds)

    @property
    def name(self) -> str:
        """For failure texts."""
        return f"{self.me.first_name if self.me else 'nobody'} ({self.transport})"

    async def close(self) -> None:
        """Disconnects."""
        await self.client.disconnect()


class World:
    """Makes devices and closes them behind the scenario."""

    def __init__(self, target: Target):
        self.target = target
        self._devices: list[Device] = []
        self._bridges: list[Bridge] = []

    def blank(self, transport: str | None = None, **options) -> Device:
        """A device that has not connected yet."""
        device = Device(self.target, transport, **options)
        self._devices.append(device)
        return device

    async def stranger(self, transport: str | None = None) -> Device:
        """A connected device on which nobody is signed in."""
        return await self.blank(transport).connect()

    async def person(self, name: str, transport: str | None = None) -> Device:
        """A new person on a new device."""
        return await (await self.stranger(transport)).sign_up(name)

    async def people(self, *names: str) -> list[Device]:
        """Several new people, made side by side."""
        return list(await asyncio.gather(*(self.person(name) for name in names)))

    async def friends(self, *names: str) -> list[Device]:
        """Several new people of whom each knows each."""
        made = await self.people(*names)
        await asyncio.gather(*(one.knows(other) for one in made for other in made if one is not other))
        return made

    async def over_websocket(self, name: str) -> tuple[Device, Bridge]:
        """A new person whose connection goes through a WebSocket, and the bridge that carries it."""
        bridge = await Bridge(self.target.host, self.target.port).open()
        self._bridges.append(bridge)
        session = MemorySession()
        session.set_dc(2, "127.0.0.1", bridge.port)
        return await (await self.blank("obfuscated", session=session).connect()).sign_up(name), bridge

    async def another_device(self, of: Device, transport: str | None = None) -> Device:
        """A second device of the same person."""
        return await (await self.stranger(transport)).sign_in(of.phone)

    async def close(self) -> None:
        """Disconnects everything."""
        await asyncio.gather(*(device.close() for device in self._devices), return_exceptions=True)
        await asyncio.gather(*(bridge.close() for bridge in self._bridges))


def prepare(target: Target):
    """Teaches the library the server's key; returns the maker of worlds."""
    rsa.add_key(target.pem("rsa-legacy"), old=False)
    return lambda: World(target)
