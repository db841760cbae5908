"""One world with people on all three libraries."""

import asyncio

from ..harness.scenario import Suite
from ..harness.server import Target
from ..pyrogram import world as pyrogram
from ..tdlib import world as tdlib
from ..telethon import world as telethon

suite = Suite("cross")
scenario = suite.scenario


class World:
    """The worlds of the three libraries side by side."""

    def __init__(self, old, new, newest):
        #: Pyrogram, layer 158.
        self.old: pyrogram.World = old
        #: Telethon, layer 229.
        self.new: telethon.World = new
        #: TDLib, layer 232.
        self.newest: tdlib.World = newest

    async def close(self) -> None:
        """Closes all three."""
        await asyncio.gather(self.old.close(), self.new.close(), self.newest.close(), return_exceptions=True)


def prepare(target: Target):
    """Prepares the three libraries; returns the maker of worlds."""
    makers = [library.prepare(target) for library in (pyrogram, telethon, tdlib)]
    return lambda: World(*(make() for make in makers))
