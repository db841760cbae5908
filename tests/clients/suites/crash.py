"""kill -9 under load, again and again: nothing acknowledged is lost, nothing is there twice, no pts is missing.

`python -m suites.crash --chappe BINARY --rounds 20`. Each round two people send through Telethon, into a private chat
and a supergroup; after a random number of acknowledgements the server is killed and started again. The library
reconnects by itself and sends once more, with the same random_id, what was not acknowledged.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from .harness import people

people.within("crash")  # before the world below deals its first number

from telethon import TelegramClient  # noqa: E402
from telethon.tl import functions, types  # noqa: E402

from .harness.scenario import expect, same  # noqa: E402
from .harness.server import Chappe  # noqa: E402
from .telethon.channels import channel_difference, make  # noqa: E402
from .telethon.updates import difference  # noqa: E402
from .telethon.world import Device, World, prepare  # noqa: E402

#: Messages per round and kind of chat, and how many are under way at once.
MESSAGES, AT_ONCE = 50, 10

#: Rounds after which a dead server's directory is verified.
VERIFY_EVERY = 10

#: How long a round may take, in seconds: a restart, a reconnect and a few dozen messages.
ROUND_SECONDS = 120


class Load:
    """One round's messages: who sends them, and which of them were acknowledged."""

    def __init__(self, number: int):
        self.number = number
        self.acknowledged: dict[str, int] = {}
        self.enough = asyncio.Event()
        self._stop_after = random.randrange(1, 2 * MESSAGES)

    async def send(self, client: TelegramClient, peer, kind: str) -> None:
        """Sends all texts of one kind, a few at a time."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(text: str) -> None:
            async with places:
                sent = await client.send_message(peer, text)
                self.acknowledged[text] = sent.id
                if len(self.acknowledged) >= self._stop_after:
                    self.enough.set()

        await asyncio.gather(*(one(text) for text in self.texts(kind)))

    def texts(self, kind: str) -> list[str]:
        """All texts of one kind."""
        return [f"round {self.number} {kind} {n}" for n in range(MESSAGES)]


class Rounds:
    """Two people, a supergroup, and a server that dies every few seconds."""

    def __init__(self, chappe: Chappe):
        self._chappe = chappe

    async def prepare(self) -> World:
        """Starts the server and signs everybody up."""
        target = await asyncio.to_thread(self._chappe.start)
        world = prepare(target)()
        self.ann = await self._lasting(world, "Ann")
        self.bob = await self._lasting(world, "Bob")
        await self.bob.knows(self.ann)
        self.to_bob = await self.ann.knows(self.bob)
        self.channel = await make(self.ann, "Survivors", self.bob)
        self.of_bob = await self.channel.of(self.bob)
        self.peer_of_bob = await self.channel.peer_of(self.bob)
        return world

    @staticmethod
    async def _lasting(world: World, name: str) -> Device:
        """A person whose client never gives up reconnecting."""
        device = world.blank()
        device.client._sender._retries = 1_000
        device.client._sender._delay = 0.2
        return await (await device.connect()).sign_up(name)

    async def play(self, number: int) -> str:
        """One round; gives a line to print."""
        load = Load(number)
        before = {d: await d(functions.updates.GetStateRequest()) for d in (self.ann, self.bob)}
        full = await self.bob(functions.channels.GetFullChannelRequest(self.of_bob))
        name = f"Ann of round {number}"
        await self.ann(functions.account.UpdateProfileRequest(first_name=name))
        sending = asyncio.gather(
            load.send(self.ann.client, self.to_bob, "private"),
            load.send(self.bob.client, self.peer_of_bob, "group"),
        )
        await asyncio.wait([asyncio.ensure_future(load.enough.wait()), sending], return_when=asyncio.FIRST_COMPLETED)
        at_death = dict(load.acknowledged)
        await asyncio.to_thread(self._chappe.kill)
        started = time.monotonic()
        await asyncio.to_thread(self._chappe.start)
        if number % 5 == 4:  # and once more while everybody comes back
            await asyncio.sleep(random.random() / 2)
            await asyncio.to_thread(self._chappe.kill)
            await asyncio.to_thread(self._chappe.start)
        back = time.monotonic() - started
        await sending
        for text, message in at_death.items():
            same(load.acknowledged[text], message, f"the id of {text!r}")
        same((await self.ann.client.get_me()).first_name, name, "what was acknowledged before the load")
        for device, state in before.items():
            messages, others, final, _ = await difference(device, state.pts, state.date, state.qts)
            self._once(messages, load.texts("private"), f"at {device.me.first_name}")
            expect(final, "a new state")
            counted = len(messages) + sum(getattr(u, "pts_count", 0) for u in others if not hasattr(u, "channel_id"))
            same(final.pts - state.pts, counted, "pts of the account, gapless")
        messages, _, pts, _ = await channel_difference(self.bob, self.of_bob, full.full_chat.pts)
        self._once(messages, load.texts("group"), "in the supergroup")
        same(pts - full.full_chat.pts, MESSAGES, "pts of the supergroup, gapless")
        return f"killed after {len(at_death)} of {2 * MESSAGES} acknowledgements, back in {back:.1f} s"

    async def check_all(self, rounds: int) -> None:
        """At the end: the whole histories."""
        to_ann, group = await self.bob.knows(self.ann), await self.channel.peer_of(self.ann)
        for device, peer, kind in ((self.bob, to_ann, "private"), (self.ann, group, "group")):
            texts = [m.message async for m in device.client.iter_messages(peer)]
            wanted = [text for number in range(rounds) for text in Load(number).texts(kind)]
            same(len([t for t in texts if t and t.startswith("round ")]), len(wanted), f"messages in the {kind} chat")
            same(set(wanted) - set(texts), set(), f"lost in the {kind} chat")

    @staticmethod
    def _once(messages, wanted: list[str], where: str) -> None:
        texts = [m.message for m in messages if isinstance(m, types.Message)]
        for text in wanted:
            same(texts.count(text), 1, f"{text!r} {where}")


async def run(binary: Path, data: Path, rounds: int, engine: str) -> int:
    """All rounds; gives the exit code."""
    chappe = Chappe(binary, data, {"CHAPPE_STORE__ENGINE": engine})
    playing = Rounds(chappe)
    number = -1
    try:
        world = await asyncio.wait_for(playing.prepare(), ROUND_SECONDS)
        for number in range(rounds):
            line = await asyncio.wait_for(playing.play(number), ROUND_SECONDS)
            print(f"ok   crash round {number}: {line}", flush=True)
            if number % VERIFY_EVERY == VERIFY_EVERY - 1:
                await asyncio.to_thread(chappe.kill)
                await asyncio.to_thread(chappe.verify)
                await asyncio.to_thread(chappe.start)
        await asyncio.wait_for(playing.check_all(rounds), ROUND_SECONDS + rounds)
        await world.close()
    except Exception:  # noqa: BLE001 - whatever happens is the finding
        print(f"FAIL crash round {number}\n{traceback.format_exc(limit=-8)}", flush=True)
        print(f"log: {chappe.log()}", flush=True)
        chappe.kill()
        print(f"crash: {max(number, 0)} passed, 1 failed", flush=True)
        return 1
    same(await asyncio.to_thread(chappe.stop), 0, "exit code after SIGTERM")
    await asyncio.to_thread(chappe.verify)
    print(f"crash: {rounds} passed, 0 failed", flush=True)
    return 0


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m suites.crash", description=__doc__)
    parser.add_argument("--chappe", type=Path, required=True, metavar="FILE", help="the server's binary")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--engine", default="sled", help="the server's storage engine")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the data directory here")
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="chappe-crash-") as folder:
        sys.exit(asyncio.run(run(options.chappe, options.data or Path(folder) / "data", options.rounds, options.engine)))


if __name__ == "__main__":
    main()
