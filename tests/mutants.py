"""The mutants of cargo-mutants in one build, against the tests of `chappe-mtproto`.

    cargo install cargo-mutants --locked && python3 tests/mutants.py             # of all files below
    python3 tests/mutants.py handshake/rsa.rs session/salts.rs                    # of these

`cargo mutants` builds once for each mutant, which takes hours here. This asks it for its list, puts every mutant of a function
beside the original (`if off("M7") { mutant } else { original }`), and builds once; what does not compile is left out, as
cargo-mutants does. Mutants outside of functions are printed and not run: `cargo mutants -F` runs them one by one.
"""

import collections
import importlib.util
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
FILES = ["handshake/rsa.rs", "handshake/dh.rs", "crypto/record.rs", "session/seal.rs", "session/salts.rs", "wire/replay.rs"]

loaded = importlib.util.spec_from_file_location("checks", HERE / "checks.py")
checks = importlib.util.module_from_spec(loaded)
loaded.loader.exec_module(checks)


def listed(files):
    files = [argument for file in files for argument in ("-f", f"src/mtproto/{file}")]
    command = ["cargo", "mutants", "--list", "--json", "-p", checks.PACKAGE, *files]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [mutant | {"id": f"M{number}"} for number, mutant in enumerate(json.loads(done.stdout))]


def offset(source, place):
    lines = source.splitlines(keepends=True)
    return sum(map(len, lines[: place["line"] - 1])) + place["column"] - 1


def body_at(text):
    """Where the body of the function that `text` is begins."""
    depth, at = 0, re.search(r"\bfn\s+\w+", text).end()
    while text[at] != "{" or depth:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
        at += 1
    return at


def put_in(mutants, left_out):
    """Writes the copy with all mutants but those of `left_out`; which mutant stands on which lines."""
    places = collections.defaultdict(lambda: collections.defaultdict(list))
    for mutant in mutants:
        if mutant["function"] and mutant["id"] not in left_out:
            span = mutant["function"]["span"]
            key = (span["start"]["line"], span["start"]["column"], span["end"]["line"], span["end"]["column"])
            places[mutant["file"]][key].append(mutant)
    lines = {}
    for file, functions in places.items():
        source = (ROOT / file).read_text()
        pieces, last = [], 0
        for key, of in sorted(functions.items()):
            start, end = (offset(source, {"line": key[i], "column": key[i + 1]}) for i in (0, 2))
            text = source[start:end]
            body = body_at(text)
            head = text[:body].replace("const fn", "fn")
            choices = []
            for mutant in of:
                from_, to = (offset(source, mutant["span"][edge]) - start for edge in ("start", "end"))
                changed = text[:from_] + mutant["replacement"] + text[to:]
                choices.append((mutant["id"], changed[body:]))
            pieces += [source[last:start], head, "{\n"]
            for name, changed in choices:
                pieces.append(f'if crate::off("{name}")\n')
                pieces.append((name, changed))
                pieces.append("\nelse ")
            pieces += [text[body:], "\n}"]
            last = end
        pieces.append(source[last:])
        out, line = "", 1
        for piece in pieces:
            name, piece = piece if isinstance(piece, tuple) else (None, piece)
            if name:
                lines[(file, name)] = (line, line + piece.count("\n"))
            out += piece
            line += piece.count("\n")
        (checks.COPY / file).write_text(out)
    root = checks.COPY / "src/mtproto/lib.rs"
    root.write_text("#![allow(warnings)]\n" + (ROOT / "src/mtproto/lib.rs").read_text() + checks.SWITCH)
    return lines


def errors():
    """File and line of everything that the compiler does not like."""
    command = ["cargo", "check", "-p", checks.PACKAGE, "--message-format=json", "--quiet"]
    done = subprocess.run(command, cwd=checks.COPY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    found = []
    for line in done.stdout.splitlines():
        message = json.loads(line).get("message") or {}
        if message.get("level") == "error":
            found += [(span["file_name"], span["line_start"]) for span in message.get("spans", []) if span["is_primary"]]
    return done.returncode, found


def main():
    mutants = listed(sys.argv[1:] or FILES)
    left_out = set()
    checks.copy_source()
    while True:
        lines = put_in(mutants, left_out)
        code, found = errors()
        if not code:
            break
        blamed = {name for (file, name), (first, last) in lines.items() for at, line in found
                  if at.endswith(file.removeprefix("src/mtproto/")) and first <= line <= last}
        if not blamed:
            sys.exit(f"the copy does not build: {found}")
        left_out |= blamed
    binaries = checks.build()
    # A mutant that never ends is seen, too; the tests take some five seconds.
    checks.SECONDS_MAX = 60
    missed = 0
    for mutant in mutants:
        if not mutant["function"]:
            print(f"by hand  {mutant['name']}")
        elif mutant["id"] in left_out:
            print(f"no code  {mutant['name']}")
        else:
            # Most are missed beside the code already, which takes a fraction of a second.
            beside = mutant["file"].removeprefix("src/mtproto/").removesuffix(".rs").replace("/", "::")
            found, _ = checks.failed(binaries, mutant["id"], f"{beside}::")
            if not found:
                found, _ = checks.failed(binaries, mutant["id"], "")
            missed += not found
            print(f"{'killed' if found else 'MISSED':8} {mutant['name']}: {', '.join(sorted(found))[:160]}", flush=True)
    print(f"{len(mutants)} mutants, {len(left_out)} that do not compile, {missed} missed")


if __name__ == "__main__":
    main()
