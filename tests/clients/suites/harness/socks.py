"""A SOCKS5 proxy on loopback that leads every destination to the one server under test.

TDLib has its data centres' addresses compiled in; through this proxy each of them is our server. The proxy also plays
the bad network: `cut()` drops every connection, `closed = True` refuses new ones.
"""

import asyncio


class Socks:
    """The proxy. `dialled` lists every (host, port) that a client asked for."""

    def __init__(self, host: str, port: int):
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._paths: set[asyncio.StreamWriter] = set()
        self.dialled: list[tuple[str, int]] = []
        self.closed = False
        self.port = 0

    async def open(self) -> "Socks":
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def cut(self) -> None:
        """Drops every open connection, both halves."""
        for path in list(self._paths):
            path.transport.abort()

    async def close(self) -> None:
        """Stops listening and drops everything."""
        if self._server:
            self._server.close()
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._paths.add(writer)
        try:
            await self._negotiate(reader, writer)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            self._paths.discard(writer)
            writer.close()

    async def _negotiate(self, reader, writer) -> None:
        version, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        if version != 5 or self.closed:
            return
        writer.write(b"\x05\x00")  # no authentication
        _, command, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = ".".join(str(b) for b in await reader.readexactly(4))
        elif kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        elif kind == 4:
            host = (await reader.readexactly(16)).hex(":", 2)
        else:
            raise ValueError(f"address kind {kind}")
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.dialled.append((host, port))
        if command != 1:
            writer.write(b"\x05\x07\x00\x01" + bytes(6))  # only CONNECT
            return
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.write(b"\x05\x05\x00\x01" + bytes(6))  # refused
            return
        self._paths.add(back)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        try:
            await asyncio.wait(
                [asyncio.ensure_future(pipe(reader, back)), asyncio.ensure_future(pipe(there, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._paths.discard(back)
            back.close()


async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carries bytes one way until either end is gone."""
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
