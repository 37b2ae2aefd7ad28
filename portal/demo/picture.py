"""A picture for the evidence that a demo needs: drawn, not photographed."""

import struct
import zlib


def picture(width: int = 96, height: int = 64) -> bytes:
    """A small PNG: a shaded plate with a dark dial, enough to be looked at."""
    rows = b"".join(
        b"\0" + bytes(_shade(x, y, width, height) for x in range(width)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _shade(x: int, y: int, width: int, height: int) -> int:
    in_dial = (x - width // 2) ** 2 + (y - height // 2) ** 2 < (height // 3) ** 2
    return 60 if in_dial else 170 + (x + y) // 3
