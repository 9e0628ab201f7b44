"""A QR code as PNG bytes, without an imaging library, because it needs only one bit per pixel."""

from __future__ import annotations

import struct
import zlib

import qrcode

_SCALE = 5


def png_of_qr(text: str) -> bytes:
    """Return a black-and-white PNG with a quiet zone."""
    code = qrcode.QRCode(border=4)
    code.add_data(text)
    rows = []
    for line in code.get_matrix():
        bits = "".join(("0" if dark else "1") * _SCALE for dark in line)
        packed = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
        rows += [b"\0" + packed] * _SCALE
    header = struct.pack(">IIBBBBB", len(rows), len(rows), 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
