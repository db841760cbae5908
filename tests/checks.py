"""Takes each check of `protocol-spec/checks.toml` away and sees a test fail.

    python3 tests/checks.py                 # each check, with the test that the table names
    python3 tests/checks.py --first [ID ...]  # with the tests of the crate, until one fails
    python3 tests/checks.py --all [ID ...]    # with all of them: prints every test that fails

The source is copied to `target/checks`. There each check becomes `if off("ID") { instead } else { check }`, all of them in
one build; the variable `CHAPPE_CHECK_OFF` says which one is gone. So the crate is built once and not eighty times.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parent.parent
COPY = ROOT / "target" / "checks"
PACKAGE = "chappe-mtproto"
VARIABLE = "CHAPPE_CHECK_OFF"
# The long stories of `pair` and what failures cost are other questions.
TESTS = ["--lib", "--test", "handshake", "--test", "path"]
SECONDS_MAX = 300

SWITCH = """
/// Whether the check of this name is taken away.
#[doc(hidden)]
#[must_use]
pub fn off(id: &str) -> bool {
    static OFF: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    OFF.get_or_init(|| std::env::var("CHAPPE_CHECK_OFF").ok()).as_deref() == Some(id)
}
"""


def copy_source():
    COPY.mkdir(parents=True, exist_ok=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith(("fuzz/corpus/", "tests/clients/")):
            to = COPY / name
            to.parent.mkdir(parents=True, exist_ok=True)
            if not to.exists() or to.read_bytes() != (ROOT / name).read_bytes():
                shutil.copyfile(ROOT / name, to)


def switch(checks):
    """Puts the switches into the copy."""
    edits = collections.defaultdict(dict)
    for check in checks:
        pairs = [(check["check"], check["instead"], check.get("after", ""))]
        if "also_check" in check:
            pairs.append((check["also_check"], check["also_instead"], ""))
        for text, instead, after in pairs:
            source = (ROOT / check["file"]).read_text()
            at = source.index(text, source.index(after) + len(after))
            edits[check["file"]].setdefault((at, text), []).append((check["id"], instead))
    for file, places in edits.items():
        source = (ROOT / file).read_text()
        for (at, text), choices in sorted(places.items(), reverse=True):
            switched = "".join(f'if crate::off("{id}") {{ {instead} }} else ' for id, instead in choices)
            source = source[:at] + f"({switched}{{ {text} }})" + source[at + len(text) :]
        (COPY / file).write_text(source)
    root = COPY / "src/mtproto/lib.rs"
    root.write_text("#![allow(warnings)]\n" + (ROOT / "src/mtproto/lib.rs").read_text() + SWITCH)


def build():
    # Optimised a little: it is built for one run.
    command = ["cargo", "test", "-p", PACKAGE, "--no-run", "--message-format=json-render-diagnostics", "--quiet",
               "--config", f"profile.dev.package.{PACKAGE}.opt-level=1"] + TESTS
    done = subprocess.run(command, cwd=COPY, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit("the copy does not build")
    built = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [b["executable"] for b in built if b.get("executable") and b.get("profile", {}).get("test")]


def failed(binaries, off, only, whole=False):
    """The tests that fail, of those whose name has `only` in it; of one binary, or of the `whole` suite."""
    environment = os.environ | {VARIABLE: off}
    found, ran = set(), 0
    for binary in binaries:
        command = [binary] + ([only] if only else ["--skip", "the_vectors_are_what_their_program_computes"])
        try:
            done = subprocess.run(command, cwd=COPY / "src/mtproto", env=environment, capture_output=True, text=True,
                                  timeout=SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            found.add(f"{pathlib.Path(binary).name}: does not end")
            continue
        lines = re.findall(r"^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED)", done.stdout, re.M)
        ran += len(lines)
        found.update(name for name, outcome in lines if outcome == "FAILED")
        if done.returncode < 0:
            found.add(f"{pathlib.Path(binary).name}: dies")
        if found and not whole:
            break
    return found, ran


def main():
    everything = {"--all", "--first"} & set(sys.argv)
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    checks = tomllib.loads((ROOT / "protocol-spec/checks.toml").read_text())["check"]
    copy_source()
    switch(checks)
    binaries = build()
    missed = 0
    for check in checks:
        if wanted and check["id"] not in wanted:
            continue
        only = "" if everything else check["test"].rsplit(": ", 1)[1]
        found, ran = failed(binaries, check["id"], only, whole="--all" in sys.argv)
        if not found:
            missed += 1
        print(f"{check['id']}: {'nobody misses it' if not found else ', '.join(sorted(found))} ({ran} run)", flush=True)
    # And with every check in its place, all tests pass.
    found, ran = failed(binaries, "", "", whole=True)
    print(f"none: {', '.join(sorted(found)) or 'nothing fails'} ({ran} run)")
    if missed or found:
        sys.exit(f"{missed} checks that nobody misses")


if __name__ == "__main__":
    main()
