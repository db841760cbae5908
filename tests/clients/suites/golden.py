"""Golden objects of the server's language, read by decoders that nobody here wrote.

    cargo run -p chappe-tl --example golden -- 229 | python -m suites.golden telethon
    cargo run -p chappe-tl --example golden -- 158 | python -m suites.golden pyrogram

Each line is a type and the bytes of one object. Every object must be read to its end; Telethon must write the same bytes.
"""

import sys
from io import BytesIO


def telethon(data: bytes) -> str:
    """Reads an object with the types of layer 229; gives its name."""
    from telethon.extensions import BinaryReader

    reader = BinaryReader(data)
    read = reader.tgread_object()
    assert reader.tell_position() == len(data), f"{len(data) - reader.tell_position()} bytes were left"
    assert bytes(read) == data, "written again it reads otherwise"
    return type(read).__name__


def pyrogram(data: bytes) -> str:
    """Reads an object with the types of layer 158; gives its name."""
    from pyrogram.raw.core import TLObject

    stream = BytesIO(data)
    read = TLObject.read(stream)
    assert stream.tell() == len(data), f"{len(data) - stream.tell()} bytes were left"
    return type(read).__name__


def main(read) -> int:
    """Reads every line of standard input; the number of objects that could not be read."""
    failed = 0
    for line in sys.stdin:
        name, _, digits = line.strip().partition(" ")
        try:
            print(f"ok   {name}: {read(bytes.fromhex(digits))}")
        except Exception as error:  # any of them means that a client would have lost the packet
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}")
    return failed


if __name__ == "__main__":
    sys.exit(min(main({"telethon": telethon, "pyrogram": pyrogram}[sys.argv[1]]), 1))
