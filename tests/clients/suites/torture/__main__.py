"""Plays every lie of `chappe torture server` to every client, and prints a table of how they took it.

`python -m suites.torture --chappe ../../target/release/chappe`; `--only 'dh.*'`, `--client telethon`, `--markdown`.
"""

import argparse
import asyncio
import fnmatch
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CLIENTS = ("telethon", "pyrogram", "tdlib")
#: How long a client may take until it is lied to, in seconds.
START_SECONDS = 60.0
#: Clients acknowledge what they believed a little later.
ACK_SECONDS = 3.0


@dataclass(frozen=True)
class Mode:
    """One way to lie, as the server lists it."""

    name: str
    rules: str
    asks: str
    what: str


@dataclass(frozen=True)
class Outcome:
    """How one client took one lie."""

    word: str
    detail: str


def modes(chappe: Path) -> list[Mode]:
    """What `chappe torture server --list` lists."""
    import subprocess

    listed = subprocess.run([str(chappe), "torture", "server", "--list"], capture_output=True, text=True, check=True)
    found = []
    for line in listed.stdout.splitlines():
        name, rules, rest = line[:31].strip(), "", line[31:]
        if not name or " " in name:
            continue
        words = rest.split()
        while words and words[0].rstrip(",")[-1:].isdigit() and "-" in words[0]:
            rules += words.pop(0) + " "
        found.append(Mode(name, rules.strip(), words[0], " ".join(words[1:])))
    return found


async def play(args: argparse.Namespace, keys: Path, mode: Mode, client: str) -> Outcome:
    """Lets one client meet one lie."""
    server = await asyncio.create_subprocess_exec(
        str(args.chappe), "torture", "server", "--mode", mode.name, "--keys", str(keys), "--attended",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    address = (await server.stdout.readline()).decode().removeprefix("ready on ").strip()
    driver = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "suites.torture.drive", client, address, str(keys),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, start_new_session=True,
    )  # fmt: skip
    seen, told = [], asyncio.Event()

    async def watch() -> None:
        while line := (await server.stdout.readline()).decode().rstrip():
            seen.append(line)
            if "was told the lie" in line:
                told.set()

    async def listen() -> list[str]:
        lines = []
        while line := (await driver.stdout.readline()).decode().strip():
            lines.append(line)
            if line.startswith(("told ", "failed ")):
                break
        return lines

    async def limit() -> None:
        # A busy machine takes its time to start a client; what counts is how long it takes over the lie.
        try:
            async with asyncio.timeout(START_SECONDS):
                await told.wait()
        except TimeoutError:
            return
        await asyncio.sleep(args.seconds)

    watching, listening = asyncio.ensure_future(watch()), asyncio.ensure_future(listen())
    limiting = asyncio.ensure_future(limit())
    await asyncio.wait([listening, limiting], return_when=asyncio.FIRST_COMPLETED)
    limiting.cancel()
    lines = listening.result() if listening.done() else []
    listening.cancel()
    memory = next((int(line.removeprefix("memory ")) for line in lines if line.startswith("memory ")), 0)
    said = next((line for line in lines if line.startswith(("told ", "failed "))), "")
    if said:
        await asyncio.sleep(ACK_SECONDS)
    # The server sums up before the client is gone: what it closes at its end is no answer to the lie.
    server.stdin.close()
    await watching
    await server.wait()
    try:
        os.killpg(driver.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    await driver.wait()
    verdict = next((line.removeprefix("verdict: ") for line in seen if line.startswith("verdict: ")), "none")
    if args.verbose:
        print(f"--- {mode.name} {client}: {said!r}", *seen, sep="\n    ", file=sys.stderr, flush=True)
    return judged(mode, verdict, said, memory)


def judged(mode: Mode, verdict: str, said: str, memory: int) -> Outcome:
    """What the two ends saw, in a word."""
    word, _, counts = verdict.partition("; ")
    lies = int(counts.split()[1].rstrip(",")) if counts else 0
    again = "" if lies < 2 else f", {lies} times"
    bloat = f", {memory} MiB" if memory > 300 else ""
    if mode.asks == "works":
        return Outcome("works" if said == "told AA" else "does not work", said)
    if word.startswith("accepted") or said == "told ZZ":
        how = word.removeprefix("accepted").strip(" ()") if word.startswith("accepted") else ""
        if how.startswith("it went on"):
            return Outcome("goes on", how.removeprefix("it went on ") + again)
        return Outcome("accepts", (how if how and "acknowledged" not in how else "it used it") + again + bloat)
    if word.startswith("late"):
        return Outcome("refuses late", word.removeprefix("late").strip(" ()") + again)
    if word == "not reached":
        return Outcome("not reached", said)
    failed = said.removeprefix("failed ").split(":")[0] if said.startswith("failed") else ""
    closes = word.startswith("closed")
    if said == "told AA":
        return Outcome("refuses", ("closes and comes back" if closes else "drops it and goes on") + again + bloat)
    if failed:
        return Outcome("refuses", f"{failed}" + again + bloat)
    if closes:
        return Outcome("refuses", "closes" + again + bloat)
    return Outcome("hangs", "neither uses it nor ends" + bloat)


async def main() -> int:
    """Plays all that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chappe", type=Path, required=True, help="the binary")
    parser.add_argument("--client", action="append", choices=CLIENTS, help="these clients only")
    parser.add_argument("--only", action="append", metavar="PATTERN", help="these modes only")
    parser.add_argument("--jobs", type=int, default=4, help="how many at a time")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long one client may take over one lie")
    parser.add_argument("--markdown", action="store_true", help="print a table for a page")
    parser.add_argument("--verbose", action="store_true", help="print what both ends said")
    args = parser.parse_args()
    args.chappe = args.chappe.resolve()
    wanted = [m for m in modes(args.chappe) if not args.only or any(fnmatch.fnmatch(m.name, p) for p in args.only)]
    clients = args.client or CLIENTS
    slots = asyncio.Semaphore(args.jobs)
    with tempfile.TemporaryDirectory(prefix="chappe-torture-") as folder:
        make = await asyncio.create_subprocess_exec(
            str(args.chappe), "keygen", "--data", folder, stdout=asyncio.subprocess.DEVNULL
        )
        await make.wait()

        async def one(mode: Mode, client: str) -> Outcome:
            async with slots:
                outcome = await play(args, Path(folder) / "keys", mode, client)
                if not args.markdown:
                    print(f"{mode.name:<32} {client:<9} {outcome.word:<13} {outcome.detail}", flush=True)
                return outcome

        outcomes = await asyncio.gather(*(one(mode, client) for mode in wanted for client in clients))
    table = {}
    for (mode, client), outcome in zip(((m, c) for m in wanted for c in clients), outcomes, strict=True):
        table[mode.name, client] = outcome
    if args.markdown:
        print("| lie | in words | rules | asks | " + " | ".join(clients) + " |")
        print("|---" * (4 + len(clients)) + "|")
        for mode in wanted:
            cells = [f"{table[mode.name, c].word}: {table[mode.name, c].detail}".rstrip(": ") for c in clients]
            print(f"| `{mode.name}` | {mode.what} | {mode.rules} | {mode.asks} | " + " | ".join(cells) + " |")
    works = all(table[m.name, c].word == "works" for m in wanted for c in clients if m.asks == "works")
    return 0 if works else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
