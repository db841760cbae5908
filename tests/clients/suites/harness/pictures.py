"""Real pictures, made on the spot."""

import struct
import zlib


def png(side: int = 64, shade: int = 120) -> bytes:
    """A real PNG of one colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\x00" + bytes([shade, 60, 200]) * side for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg_size(picture: bytes) -> tuple[int, int]:
    """Width and height of a JPEG, which is what the server makes of every photo; (0, 0) if it is none."""
    at = 2
    while picture[:2] == b"\xff\xd8" and at + 9 <= len(picture):
        mark, length = struct.unpack_from(">HH", picture, at)
        if mark in (0xFFC0, 0xFFC2):
            height, width = struct.unpack_from(">HH", picture, at + 5)
            return width, height
        at += 2 + length
    return 0, 0
