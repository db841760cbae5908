"""Lines of `chappe-mtproto` that its tests and the corpora of the fuzz targets run, by folder, and those that they do not.

    cargo install cargo-llvm-cov --locked && rustup component add llvm-tools && python3 tests/coverage.py

Code of tests is not counted: it runs by itself.
"""

import collections
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).parent.parent
CRATE = "src/mtproto/"
# Not `timing`: it counts instructions, and counters are some.
TESTS = ["--lib"] + [word for name in ("handshake", "hidden", "pair", "path", "udp") for word in ("--test", name)]
TEST_MODULE = re.compile(r"^#\[cfg\(test\)\]\nmod \w+ \{", re.M)


def llvm_cov(*arguments):
    command = ["cargo", "llvm-cov", *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def counts(report):
    """How often each line of each file ran."""
    files = collections.defaultdict(collections.Counter)
    for line in report.splitlines():
        if line.startswith("SF:"):
            lines = files[line.removeprefix(f"SF:{ROOT}/")]
        elif line.startswith("DA:"):
            number, times = map(int, line.removeprefix("DA:").split(",")[:2])
            lines[number] += times
    return files


def main():
    llvm_cov("--no-report", "-p", "chappe-mtproto", *TESTS)
    llvm_cov("--no-report", "-p", "chappe-targets")
    report = llvm_cov("report", "--lcov", "-p", "chappe-mtproto", "-p", "chappe-targets")
    all_lines, run = collections.Counter(), collections.Counter()
    for file, lines in sorted(counts(report).items()):
        if not file.startswith(CRATE) or "/tests/" in file or file.endswith("vectors.rs"):
            continue
        source = (ROOT / file).read_text()
        tests = TEST_MODULE.search(source)
        end = source.count("\n", 0, tests.start()) if tests else source.count("\n")
        folder = (file.removeprefix(CRATE).split("/")[:-1] or [file.removeprefix(CRATE)])[0]
        for number, times in sorted(lines.items()):
            if number <= end:
                all_lines[folder] += 1
                run[folder] += times > 0
                if not times:
                    print(f"{file}:{number}: {source.splitlines()[number - 1].strip()}")
    for folder, count in sorted(all_lines.items()):
        print(f"{folder:16} {100 * run[folder] / count:5.1f} % of {count} lines")


if __name__ == "__main__":
    main()
