"""The server under test: where it is, which keys it has, and (for some scenarios) its process."""

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

#: A debug build on two busy cores may need this long to open its store, in seconds.
START_SECONDS = 60.0


@dataclass(frozen=True)
class Target:
    """A running server as a client needs to know it."""

    host: str
    port: int
    keys: Path
    data: Path | None = None
    chappe: Path | None = None

    @classmethod
    def parse(cls, server: str, keys: Path, data: Path | None, chappe: Path | None) -> "Target":
        """From `HOST:PORT` and the folder with `rsa-pad.pub.pem` and `rsa-legacy.pub.pem`."""
        host, _, port = server.rpartition(":")
        return cls(host, int(port), keys, data, chappe)

    def pem(self, name: str) -> str:
        """The text of a public key: `rsa-pad` for RSA_PAD, `rsa-legacy` for the older padding."""
        return (self.keys / f"{name}.pub.pem").read_text()

    def command(self, *words: str) -> str:
        """Output of `chappe WORDS --data DIR`, which speaks to the running server."""
        if not (self.chappe and self.data):
            raise LookupError("this scenario needs --chappe and --data")
        done = subprocess.run(
            [str(self.chappe), *words, "--data", str(self.data)], capture_output=True, text=True, timeout=20
        )
        if done.returncode != 0:
            raise LookupError(f"chappe {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


class Chappe:
    """A server process of our own on a data directory that outlives it: it can be killed and started again."""

    def __init__(self, binary: Path, data: Path | None = None, settings: dict[str, str] | None = None):
        self.binary = Path(binary).resolve()
        self._temporary = tempfile.TemporaryDirectory(prefix="chappe-data-") if data is None else None
        self.data = Path(self._temporary.name) if self._temporary else data
        self.settings = settings or {}
        self.port = 0
        self.lines: list[str] = []
        self._process: subprocess.Popen | None = None
        self._ready = threading.Event()

    def start(self) -> Target:
        """Starts it (the second time on the same port) and waits for `ready on ADDR`."""
        self._ready.clear()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        where = ["--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"]
        self._process = subprocess.Popen(
            [str(self.binary), "serve", *where, "--test-numbers"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=open(self.data.parent / f"{self.data.name}.log", "ab"),
            text=True,
            env={**os.environ, **self.settings},
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        while not self._ready.wait(0.05):
            if self._process.poll() is not None:
                code = self._process.returncode
                raise RuntimeError(f"the server ended at once (exit code {code}); log: {self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server was not ready after {START_SECONDS:.0f} s; log: {self.log()}")
        return Target("127.0.0.1", self.port, self.data / "keys", self.data, self.binary)

    def kill(self) -> None:
        """kill -9: no warning, no flush."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def verify(self) -> None:
        """Walks the invariants of the data directory while nobody serves it; whatever is violated is an error."""
        done = subprocess.run(
            [str(self.binary), "verify", "--data", str(self.data)], capture_output=True, text=True, timeout=300
        )
        if done.returncode != 0:
            raise RuntimeError(f"chappe verify: {done.stdout[-4000:]}{done.stderr.strip()}")

    def stop(self) -> int:
        """SIGTERM, then the exit code; cleans its temporary data directory."""
        code = 0
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                code = self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                code = -9
        if self._temporary:
            self._temporary.cleanup()
        return code

    def log(self) -> str:
        """The end of what it wrote to standard error."""
        try:
            return (self.data.parent / f"{self.data.name}.log").read_text()[-2000:]
        except OSError:
            return "(none)"

    def _read(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))
            ready = re.match(r"ready on \S*?:(\d+)\s*$", line)
            if ready:
                self.port = int(ready.group(1))
                self._ready.set()
