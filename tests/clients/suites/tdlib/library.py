"""A private copy of TDLib that trusts our server's key and can dial nothing but loopback.

TDLib has its servers' RSA keys and addresses compiled in. The copy gets our RSA_PAD key in place of both, and loopback
addresses (and names that lead nowhere) in place of all others, each of the same length. The installed package stays
as it is. That our server is reached, whatever address TDLib dials, is the SOCKS proxy's part.
"""

import asyncio
import ctypes
import itertools
import json
import re
import threading
from importlib import metadata
from pathlib import Path

#: An RSA-2048 key with e = 65537 as PKCS#1 PEM has always this length, so that one key can stand in another's place.
PEM_BYTES = 425

_PEM = re.compile(rb"-----BEGIN RSA PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+?\n-----END RSA PUBLIC KEY-----")
_IPV4 = re.compile(rb"(?<=\x00)(?:149\.154|95\.161)(\.\d{1,3}\.\d{1,3})(?=\x00)")
_IPV6 = re.compile(rb"(?<=\x00)2001:(?:b28|67c):[0-9a-f:]+(?=\x00)")
_HOSTS = (b"tapv3.stel.com", b"mozilla.cloudflare-dns.com", b"dns.google", b"software-download.microsoft.com")


def shared_object() -> Path:
    """The library inside the installed package."""
    for file in metadata.files("tdjson"):
        if "libtdjson" in file.name:
            return Path(file.locate())
    raise FileNotFoundError("the package tdjson has no libtdjson")


def repoint(image: bytes, pem: str) -> bytes:
    """The library's bytes with our key and without foreign addresses; every replacement keeps the length."""
    key = pem.strip().encode()
    if len(key) != PEM_BYTES:
        raise ValueError(f"the server's key has {len(key)} bytes as PEM, TDLib has room for {PEM_BYTES}")
    found = [m for m in _PEM.finditer(image) if len(m.group()) == PEM_BYTES]
    if len(found) != 2:
        raise ValueError(f"{len(found)} keys of {PEM_BYTES} bytes in the library, expected 2 (test and main)")
    patched = bytearray(image)
    for place in found:
        patched[place.start() : place.end()] = key
    for place in _IPV4.finditer(image):
        text = place.group()
        loopback = (b"127.154" if text.startswith(b"149") else b"127.61")[: len(text) - len(place.group(1))]
        patched[place.start() : place.end()] = (loopback + place.group(1)).ljust(len(text), b"0")
    for place in _IPV6.finditer(image):
        patched[place.start() : place.end()] = ipv6_loopback(len(place.group()))
    for host in _HOSTS:
        nowhere = (b"x" * len(host))[: -len(b".invalid")] + b".invalid"
        at = patched.find(host)
        while at >= 0:
            patched[at : at + len(host)] = nowhere
            at = patched.find(host, at + 1)
    return bytes(patched)


def ipv6_loopback(length: int) -> bytes:
    """`::1` written with as many zeros as make it `length` characters long (15 to 39)."""
    groups, spare = ["0"] * 7 + ["1"], length - 15
    for at in range(8):
        more = min(spare, 3)
        groups[at] = "0" * more + groups[at]
        spare -= more
    return ":".join(groups).encode()


class TdJson:
    """The JSON interface of the copy: one receiving thread, any number of clients."""

    def __init__(self, file: Path):
        library = ctypes.CDLL(str(file))
        self._create = library.td_create_client_id
        self._create.restype = ctypes.c_int
        self._send = library.td_send
        self._send.argtypes = [ctypes.c_int, ctypes.c_char_p]
        self._receive = library.td_receive
        self._receive.restype = ctypes.c_char_p
        self._receive.argtypes = [ctypes.c_double]
        self._execute = library.td_execute
        self._execute.restype = ctypes.c_char_p
        self._execute.argtypes = [ctypes.c_char_p]
        self._takers: dict[int, object] = {}
        self._questions = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.execute({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0})

    def execute(self, request: dict) -> dict:
        """A synchronous request."""
        answer = self._execute(json.dumps(request).encode())
        return json.loads(answer) if answer else {}

    def log_to(self, file: Path, level: int) -> None:
        """Lets the library log into a file (`CHAPPE_TDLIB_LOG=FILE`)."""
        stream = {"@type": "logStreamFile", "path": str(file), "max_file_size": 1 << 28, "redirect_stderr": False}
        self.execute({"@type": "setLogStream", "log_stream": stream})
        self.execute({"@type": "setLogVerbosityLevel", "new_verbosity_level": level})

    def open(self, taker) -> int:
        """A new client; `taker(dict)` is called on the event loop with everything it is told."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._listen, daemon=True).start()
        client = self._create()
        self._takers[client] = taker
        return client

    def send(self, client: int, request: dict) -> None:
        """An asynchronous request."""
        self._send(client, json.dumps(request).encode())

    def _listen(self) -> None:
        while not self._loop.is_closed():
            line = self._receive(0.5)
            if not line:
                continue
            said = json.loads(line)
            taker = self._takers.get(said.pop("@client_id", None))
            if taker:
                try:
                    self._loop.call_soon_threadsafe(taker, said)
                except RuntimeError:
                    return  # the loop is closed: the suite is over
