"""Scenarios: plain coroutines with a sentence, each independent of all others, run a few at a time.

A suite is a module that makes one `Suite`; its scenarios register themselves with `@scenario("sentence")`. Each gets a
fresh world (accounts of its own, connections of its own), which is closed behind it whatever happened.
"""

import argparse
import asyncio
import fnmatch
import logging
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Awaitable, Callable

from .server import Chappe, Target

#: How long one scenario may take unless it says otherwise, in seconds. Generous: CI has two slow cores.
LIMIT_SECONDS = 90.0


class Failure(AssertionError):
    """The server did something else than the scenario expects."""


class Skip(Exception):
    """The scenario cannot be played here; its text is the reason, which is printed."""


@dataclass(frozen=True)
class Scenario:
    """One sentence and the coroutine that shows it."""

    name: str
    sentence: str
    play: Callable[..., Awaitable[None]]
    limit: float


@dataclass
class Outcome:
    """How one scenario ended: `error` is None when it passed."""

    scenario: Scenario
    seconds: float
    error: str | None = None
    skipped: str | None = None


class Suite:
    """The scenarios of one client library."""

    def __init__(self, name: str):
        self.name = name
        self.scenarios: dict[str, Scenario] = {}

    def scenario(self, sentence: str, limit: float = LIMIT_SECONDS, name: str | None = None):
        """Registers the coroutine below it as `module.name`."""

        def register(play):
            full = f"{play.__module__.rpartition('.')[2]}.{name or play.__name__}"
            if full in self.scenarios:
                raise ValueError(f"two scenarios are called {full}")
            self.scenarios[full] = Scenario(full, sentence, play, limit)
            return play

        return register

    async def run(self, open_world, only: list[str], jobs: int) -> list[Outcome]:
        """Plays the chosen scenarios, at most `jobs` at a time; `open_world()` makes the world of one scenario."""
        places = asyncio.Semaphore(jobs)
        chosen = [s for s in self.scenarios.values() if not only or any(_fits(s.name, o) for o in only)]

        async def play(one: Scenario) -> Outcome:
            async with places:
                outcome = await self._play(one, open_world)
                self._print(outcome)
                return outcome

        return list(await asyncio.gather(*(play(one) for one in chosen)))

    async def _play(self, one: Scenario, open_world) -> Outcome:
        started = time.monotonic()
        world = open_world()
        error = skipped = None
        try:
            await asyncio.wait_for(one.play(world), one.limit)
        except Skip as reason:
            skipped = str(reason)
        except asyncio.TimeoutError:
            error = f"not done after {one.limit:.0f} s\n{traceback.format_exc(limit=-6)}"
        except Exception:  # noqa: BLE001 - whatever a client library raises is the finding
            error = traceback.format_exc(limit=-8)
        try:
            await asyncio.wait_for(world.close(), 20)
        except Exception as trouble:  # noqa: BLE001
            print(f"note {self.name}::{one.name}: closing its clients failed: {trouble!r}", flush=True)
        return Outcome(one, time.monotonic() - started, error, skipped)

    def _print(self, outcome: Outcome) -> None:
        name = f"{self.name}::{outcome.scenario.name}"
        if outcome.skipped is not None:
            print(f"skip {name} ({outcome.skipped})", flush=True)
        elif outcome.error is None:
            print(f"ok   {name} ({outcome.seconds:.1f} s): {outcome.scenario.sentence}", flush=True)
        else:
            print(f"FAIL {name} ({outcome.seconds:.1f} s): {outcome.scenario.sentence}", flush=True)
            print("".join(f"     | {line}\n" for line in outcome.error.splitlines()), end="", flush=True)


def _fits(name: str, pattern: str) -> bool:
    """Whether `--only PATTERN` means this scenario: its whole name, its last part, or either by a shell pattern."""
    return fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name.rpartition(".")[2], pattern)


def arguments(suite_name: str) -> argparse.ArgumentParser:
    """The command line that every suite has."""
    parser = argparse.ArgumentParser(
        prog=f"python -m suites.{suite_name}",
        description=f"Plays the {suite_name} scenarios against a server (or against one it starts, with --chappe).",
    )
    parser.add_argument("--server", metavar="HOST:PORT", help="a running server")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="its DIR/keys, with the public keys")
    parser.add_argument("--data", type=Path, metavar="DIR", help="its data directory, for `chappe user code`")
    parser.add_argument("--chappe", type=Path, metavar="FILE", help="the binary; without --server it is started")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a scenario, or a pattern; repeat")
    parser.add_argument("--jobs", type=int, default=6, help="how many scenarios at a time (default 6)")
    parser.add_argument("--list", action="store_true", help="print the scenarios and stop")
    parser.add_argument("--verbose", action="store_true", help="let the client library log")
    return parser


def main(suite: Suite, make_world: Callable[[Target], Callable[[], object]]) -> None:
    """Entry point of a suite: reads the command line, plays, prints the table, exits 1 if a scenario failed.

    `make_world(target)` prepares the library for the server and returns the maker of one scenario's world.
    """
    parser = arguments(suite.name)
    options = parser.parse_args()
    if options.list:
        for one in suite.scenarios.values():
            print(f"{suite.name}::{one.name}: {one.sentence}")
        return
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.CRITICAL)
    started: Chappe | None = None
    if options.server:
        if not options.keys:
            parser.error("--server needs --keys")
        target = Target.parse(options.server, options.keys, options.data, options.chappe)
    elif options.chappe:
        started = Chappe(options.chappe)
        target = started.start()
    else:
        parser.error("say --server HOST:PORT --keys DIR, or --chappe FILE")
    try:
        outcomes = asyncio.run(suite.run(make_world(target), options.only, options.jobs))
    finally:
        if started:
            started.stop()
    sys.exit(close(suite, outcomes))


def close(suite: Suite, outcomes: list[Outcome]) -> int:
    """Prints the closing table and returns the exit code."""
    failed = [o for o in outcomes if o.error is not None]
    skipped = [o for o in outcomes if o.skipped is not None]
    passed = len(outcomes) - len(failed) - len(skipped)
    for outcome in skipped:
        print(f"skipped: {suite.name}::{outcome.scenario.name}: {outcome.skipped}")
    for outcome in failed:
        print(f"failed: {suite.name}::{outcome.scenario.name}: {outcome.error.strip().splitlines()[-1]}")
    print(f"{suite.name}: {passed} passed, {len(failed)} failed, {len(skipped)} skipped", flush=True)
    return 1 if failed or not outcomes else 0


def expect(truth: object, what: str) -> None:
    """Fails the scenario with `what` unless `truth` holds."""
    if not truth:
        raise Failure(what)


def same(found: object, wanted: object, what: str) -> None:
    """Fails the scenario unless both are equal."""
    if found != wanted:
        raise Failure(f"{what}: found {found!r}, wanted {wanted!r}")


async def refused(awaitable, *kinds):
    """Awaits the error of one of these kinds and returns it."""
    try:
        answer = await awaitable
    except kinds as error:
        return error
    raise Failure(f"expected {' or '.join(k.__name__ for k in kinds)}, got {type(answer).__name__}")


async def eventually(ask, what: str, seconds: float = 15.0, pause: float = 0.1):
    """Awaits `ask()` again and again until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        found = await ask()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds:.0f} s")
        await asyncio.sleep(pause)


class Inbox:
    """Everything a client was pushed, in order, and a way to wait for more."""

    def __init__(self):
        self.items: list = []
        self._arrived = asyncio.Event()

    def put(self, item) -> None:
        """Takes one more item; call it on the event loop's thread."""
        self.items.append(item)
        self._arrived.set()

    async def first(self, fits, what: str, seconds: float = 15.0, after: int = 0):
        """The first item from index `after` for which `fits(item)`; waits for it at most `seconds`."""
        deadline = time.monotonic() + seconds
        seen = after
        while True:
            while seen < len(self.items):
                if fits(self.items[seen]):
                    return self.items[seen]
                seen += 1
            self._arrived.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                kinds = [getattr(i, "CONSTRUCTOR_NAME", None) or brief(i) for i in self.items[-12:]]
                raise Failure(f"{what}: not within {seconds:.0f} s; the last of {len(self.items)} pushes: {kinds}")
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except asyncio.TimeoutError:
                pass


def brief(item) -> str:
    """A short name of an update of any library."""
    if isinstance(item, dict):
        return item.get("@type", "?")
    return type(item).__name__
