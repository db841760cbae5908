"""A bridge on loopback from a plain TCP stream to a WebSocket on the server's port, as web clients open one.

Client libraries that only know TCP speak obfuscated bytes into it; the server sees `GET /apiws`, masked binary frames and
the subprotocol `binary`.
"""

import asyncio
import base64
import hashlib
import os
import struct

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Bridge:
    """Listens for TCP and opens one WebSocket for each connection. `opened` counts them."""

    def __init__(self, host: str, port: int):
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self.opened = 0
        self.port = 0

    async def open(self) -> "Bridge":
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Stops listening."""
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await upgrade(*self._target)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            writer.close()
            return
        self.opened += 1
        ways = [asyncio.ensure_future(_out(reader, back)), asyncio.ensure_future(_in(there, writer, back))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            writer.close()
            back.close()


async def upgrade(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a WebSocket on /apiws; a ValueError tells which part of the server's answer is wrong."""
    reader, writer = await asyncio.open_connection(host, port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /apiws HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: binary\r\n"
        f"Origin: https://example.com\r\n\r\n".encode()
    )
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)).decode()
    status, *lines = head.strip().split("\r\n")
    if " 101 " not in status:
        raise ValueError(f"the upgrade was answered {status!r}")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    wanted = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()
    if fields.get("sec-websocket-accept") != wanted:
        raise ValueError(f"a wrong Sec-WebSocket-Accept in {head!r}")
    if fields.get("sec-websocket-protocol") != "binary":
        raise ValueError(f"the subprotocol is not echoed in {head!r}")
    return reader, writer


async def _out(reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    while data := await reader.read(30_000):
        back.write(_frame(2, data))
        await back.drain()


def _frame(opcode: int, data: bytes) -> bytes:
    """A masked frame, as clients must send them."""
    head = bytes([0x80 | opcode])
    if len(data) < 126:
        head += bytes([0x80 | len(data)])
    elif len(data) < 1 << 16:
        head += bytes([0x80 | 126]) + struct.pack(">H", len(data))
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", len(data))
    mask = os.urandom(4)
    stream = mask * (len(data) // 4 + 1)
    masked = int.from_bytes(data, "big") ^ int.from_bytes(stream[: len(data)], "big")
    return head + mask + masked.to_bytes(len(data), "big")


async def _in(there: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
    while True:
        first, second = await there.readexactly(2)
        length = second & 0x7F
        if second & 0x80:
            raise ValueError("a server must not mask")
        if length == 126:
            (length,) = struct.unpack(">H", await there.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await there.readexactly(8))
        data = await there.readexactly(length)
        opcode = first & 0x0F
        if opcode == 8:
            return
        if opcode == 9:
            back.write(_frame(10, data))
        elif opcode in (0, 2):
            writer.write(data)
            await writer.drain()
