"""The world of one TDLib scenario: people, their clients, and the proxy that is their network."""

import asyncio
import functools
import itertools
import os
import tempfile
from pathlib import Path

from ..harness.people import Numbers, code_of
from ..harness.scenario import LIMIT_SECONDS, Failure, Inbox, Suite
from ..harness.server import Target
from ..harness.socks import Socks
from .library import TdJson, repoint, shared_object

suite = Suite("tdlib")
_numbers = Numbers("tdlib")


def scenario(sentence: str, limit: float = LIMIT_SECONDS, pfs: bool = False):
    """Registers a scenario; with `pfs` a second time, under `NAME_pfs`, with temporary keys."""

    def register(play):
        suite.scenario(sentence, limit)(play)
        if pfs:

            @functools.wraps(play)
            async def with_temporary_keys(world):
                world.pfs = True
                await play(world)

            suite.scenario(f"{sentence} (with temporary keys)", limit, f"{play.__name__}_pfs")(with_temporary_keys)
        return play

    return register


class TdError(Exception):
    """An `error` object."""

    def __init__(self, code: int, message: str, request: str):
        super().__init__(f"{request}: {code} {message}")
        self.code = code
        self.message = message


class Device:
    """One TDLib client."""

    def __init__(self, td: TdJson, proxy: dict, pfs: bool, folder: Path):
        self._td = td
        self._proxy = proxy
        self._pfs = pfs
        self._folder = folder
        self._questions = itertools.count(1)
        self._answers: dict[int, asyncio.Future] = {}
        self._state = asyncio.Event()
        self.state = ""
        self.connection = ""
        self.inbox = Inbox()
        self.phone = ""
        self.me: dict = {}
        self._client = td.open(self._told)

    def _told(self, said: dict) -> None:
        question = said.pop("@extra", None)
        if question is not None:
            future = self._answers.pop(question, None)
            if future and not future.done():
                future.set_result(said)
            return
        if said["@type"] == "updateConnectionState":
            self.connection = said["state"]["@type"]
            self._state.set()
        if said["@type"] == "updateAuthorizationState":
            self.state = said["authorization_state"]["@type"]
            self._state.set()
        if said["@type"] != "updateOption":
            self.inbox.put(said)

    async def __call__(self, kind: str, seconds: float = 30.0, **fields) -> dict:
        """Asks and returns the answer; an `error` is raised as TdError."""
        question = next(self._questions)
        future = self._answers[question] = asyncio.get_running_loop().create_future()
        self._td.send(self._client, {"@type": kind, "@extra": question, **fields})
        try:
            answer = await asyncio.wait_for(future, seconds)
        except asyncio.TimeoutError:
            raise Failure(f"{kind}: no answer within {seconds:.0f} s (state {self.state})") from None
        if answer["@type"] == "error":
            raise TdError(answer["code"], answer["message"], kind)
        return answer

    async def becomes(self, *states: str, seconds: float = 40.0) -> str:
        """Waits until the authorization state is one of these (without the word authorizationState)."""
        wanted = {f"authorizationState{s}" for s in states}
        try:
            async with asyncio.timeout(seconds):
                while self.state not in wanted:
                    self._state.clear()
                    await self._state.wait()
        except TimeoutError:
            raise Failure(f"still {self.state} after {seconds:.0f} s, wanted {sorted(wanted)}") from None
        return self.state.removeprefix("authorizationState")

    async def start(self) -> "Device":
        """Proxy first, then parameters: nothing is dialled past the proxy."""
        pfs = {"@type": "optionValueBoolean", "value": self._pfs}
        # Answered only after the parameters, but carried out before anything is dialled.
        early = asyncio.gather(
            self("addProxy", proxy=self._proxy, enable=True), self("setOption", name="use_pfs", value=pfs)
        )
        await self(
            "setTdlibParameters",
            database_directory=str(self._folder),
            use_file_database=True,
            use_chat_info_database=True,
            use_message_database=True,
            use_secret_chats=False,
            api_id=17349,
            api_hash="any",
            system_language_code="en",
            device_model="a test",
            application_version="1",
        )
        await early
        await self.becomes("WaitPhoneNumber", "Ready")
        return self

    async def sign_up(self, first_name: str, last_name: str = "") -> "Device":
        """Becomes a new person with the next free test number."""
        while True:
            self.phone = _numbers.next()
            await self.ask_for_code()
            await self("checkAuthenticationCode", code=code_of(self.phone))
            if await self.becomes("WaitRegistration", "Ready") == "WaitRegistration":
                break
            raise Failure(f"{self.phone} was taken in an earlier run: start with a fresh data directory")
        await self("registerUser", first_name=first_name, last_name=last_name)
        return await self._ready()

    async def sign_in(self, phone: str) -> "Device":
        """One more device of a person who exists."""
        self.phone = phone
        await self.ask_for_code()
        await self("checkAuthenticationCode", code=code_of(phone))
        return await self._ready()

    async def ask_for_code(self) -> None:
        """auth.sendCode for this device's number."""
        await self("setAuthenticationPhoneNumber", phone_number=self.phone, seconds=60)
        await self.becomes("WaitCode")

    async def _ready(self) -> "Device":
        await self.becomes("Ready")
        self.me = await self("getMe")
        await self.up_to_date()
        return self

    async def up_to_date(self) -> None:
        """Waits until the client has asked where the log stands: before that, nothing is an update to it.

        It asks as soon as it is logged in, and its calls are carried out in order, so any answer will do.
        """
        await self("getActiveSessions")
        async with asyncio.timeout(30):
            while self.connection != "connectionStateReady":
                self._state.clear()
                await self._state.wait()

    @property
    def id(self) -> int:
        """The user id of whoever is signed in here."""
        return self.me["id"]

    async def knows(self, other: "Device") -> int:
        """Adds the other as a contact and opens the chat; gives its id."""
        contact = {
            "@type": "importedContact",
            "phone_number": "+" + other.phone,
            "first_name": other.me["first_name"],
            "last_name": "",
        }
        answer = await self("importContacts", contacts=[contact])
        if answer["user_ids"] != [other.id]:
            raise Failure(f"importContacts gave {answer['user_ids']}, not {[other.id]}")
        return (await self("createPrivateChat", user_id=other.id, force=False))["id"]

    async def say(self, chat: int, text: str, **more) -> dict:
        """Sends a text and waits until the server has it; gives the message with its real id."""
        content = {"@type": "inputMessageText", "text": {"@type": "formattedText", "text": text}}
        return await self.send(chat, content, **more)

    async def send(self, chat: int, content: dict, seconds: float = 30.0, **more) -> dict:
        """Sends any content and waits until the server has it."""
        after = len(self.inbox.items)
        sent = await self("sendMessage", chat_id=chat, input_message_content=content, **more)

        def ended(update):
            kinds = ("updateMessageSendSucceeded", "updateMessageSendFailed")
            return update["@type"] in kinds and update["old_message_id"] == sent["id"]

        update = await self.inbox.first(ended, "the end of the sending", seconds, after)
        if update["@type"] == "updateMessageSendFailed":
            error = update["error"]
            raise TdError(error["code"], error["message"], "sendMessage")
        return update["message"]

    async def heard(self, text: str, seconds: float = 20.0) -> dict:
        """Waits until the client shows a message with this text or caption: as a new one, or as the last one of a chat.

        The latter happens when a post follows so soon on the invitation that the client finds it while it asks for the chat.
        """

        def shown(update: dict) -> dict | None:
            kinds = {"updateNewMessage": "message", "updateChatLastMessage": "last_message"}
            message = update.get(kinds.get(update["@type"], ""))
            return message if message and text_of(message) == text else None

        what = f"the message {text!r} at {self.me.get('first_name')}"
        return shown(await self.inbox.first(lambda u: shown(u) is not None, what, seconds))

    async def saw(self, kind: str, fits=lambda update: True, seconds: float = 20.0) -> dict:
        """Waits for an update of this kind."""
        return await self.inbox.first(
            lambda u: u["@type"] == kind and fits(u), f"{kind} at {self.me.get('first_name')}", seconds
        )

    async def history(self, chat: int, limit: int = 100) -> list[dict]:
        """The chat's messages from the server, newest first."""
        found: list[dict] = []
        while len(found) < limit:
            page = await self(
                "getChatHistory",
                chat_id=chat,
                from_message_id=found[-1]["id"] if found else 0,
                offset=0,
                limit=min(100, limit - len(found)),
                only_local=False,
            )
            if not page["messages"]:
                break
            found += page["messages"]
        return found

    async def texts(self, chat: int, limit: int = 100) -> list[str]:
        """The texts of the history, newest first, without service messages."""
        return [t for m in await self.history(chat, limit) if (t := text_of(m)) is not None]

    async def close(self) -> None:
        """Closes the client and waits until its files are."""
        if self.state != "authorizationStateClosed":
            self._td.send(self._client, {"@type": "close"})
            await self.becomes("Closed", seconds=15)


def text_of(message: dict) -> str | None:
    """Its text or caption; None for other kinds of message."""
    content = message["content"]
    return (content.get("text") or content.get("caption") or {}).get("text")


class World:
    """Makes clients and closes them behind the scenario."""

    def __init__(self, td: TdJson, target: Target):
        self._td = td
        self.target = target
        self.pfs = False
        # MTProto over HTTP instead of streams, to the server itself: TDLib takes it for a proxy that passes requests on.
        self.http = False
        self._folders = tempfile.TemporaryDirectory(prefix="chappe-tdlib-")
        self._count = itertools.count()
        self.proxy = Socks(target.host, target.port)
        self._devices: list[Device] = []

    @property
    def folder(self) -> Path:
        """A folder that goes away with the world."""
        return Path(self._folders.name)

    async def stranger(self, folder: Path | None = None) -> Device:
        """A started client; on the files of an earlier one if a folder is given."""
        if self.http:
            proxy = {"@type": "proxy", "server": self.target.host, "port": self.target.port}
            proxy["type"] = {"@type": "proxyTypeHttp", "http_only": True}
        else:
            if not self.proxy.port:
                await self.proxy.open()
            proxy = {"@type": "proxy", "server": "127.0.0.1", "port": self.proxy.port}
            proxy["type"] = {"@type": "proxyTypeSocks5"}
        device = Device(self._td, proxy, self.pfs, folder or self.folder / f"client{next(self._count)}")
        self._devices.append(device)
        return await device.start()

    async def person(self, name: str, last_name: str = "") -> Device:
        """A new person."""
        return await (await self.stranger()).sign_up(name, last_name)

    async def people(self, *names: str) -> list[Device]:
        """Several new people."""
        first = await self.person(names[0])  # opens the proxy
        return [first, *await asyncio.gather(*(self.person(name) for name in names[1:]))]

    async def another_device(self, of: Device) -> Device:
        """A second device of the same person."""
        return await (await self.stranger()).sign_in(of.phone)

    async def reopened(self, device: Device) -> Device:
        """A client on the files of one that was closed: the same device after a restart."""
        again = await self.stranger(device._folder)
        again.phone = device.phone
        return await again._ready()

    async def close(self) -> None:
        """Closes all clients, then the proxy, then removes the files."""
        await asyncio.gather(*(device.close() for device in self._devices), return_exceptions=True)
        await self.proxy.close()
        self._folders.cleanup()


def prepare(target: Target):
    """Makes and loads the repointed copy of the library."""
    folder = tempfile.TemporaryDirectory(prefix="chappe-tdjson-")
    copy = Path(folder.name) / "libtdjson.so"
    copy.write_bytes(repoint(shared_object().read_bytes(), target.pem("rsa-pad")))
    td = TdJson(copy)
    folder.cleanup()  # the library is mapped, its file is needed no more
    if log := os.environ.get("CHAPPE_TDLIB_LOG"):
        td.log_to(Path(log), 4)
    return lambda: World(td, target)
