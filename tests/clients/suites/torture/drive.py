"""One client against the hostile server: connects, calls `help.getNearestDc`, prints what it was told.

`python -m suites.torture.drive CLIENT HOST:PORT KEYS`. The last line is `told AA` (the honest answer), `told ZZ` (the lie),
`failed ...` (the client said so), or it is missing (the client is still trying when its time is over).
"""

import asyncio
import importlib
import resource
import sys
from pathlib import Path

from ..harness.server import Target


async def telethon(world) -> str:
    """By way of Telethon."""
    from telethon.tl import functions

    device = await world.stranger("abridged")
    return (await device(functions.help.GetNearestDcRequest())).country


async def pyrogram(world) -> str:
    """By way of Pyrogram."""
    from pyrogram import raw

    device = await world.stranger()
    return (await device.app.invoke(raw.functions.help.GetNearestDc())).country


async def tdlib(world) -> str:
    """By way of TDLib."""
    device = await world.stranger()
    return (await device("getCountryCode", seconds=60.0))["text"]


PLAYS = {"telethon": telethon, "pyrogram": pyrogram, "tdlib": tdlib}


async def main(client: str, server: str, keys: Path) -> None:
    """Plays it and says what came of it."""
    prepare = importlib.import_module(f"suites.{client}.world").prepare
    world = prepare(Target.parse(server, keys, None, None))()
    try:
        said = f"told {await PLAYS[client](world)}"
    except Exception as failure:  # whatever a library throws is its answer
        said = f"failed {type(failure).__name__}: {failure}".replace("\n", " ")[:200]
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"memory {mib}\n{said}", flush=True)
    # What was seen has been said; no library is waited for.
    await asyncio.sleep(30)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
