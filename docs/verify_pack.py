"""Check a pack of evidence: that it is signed by the portal's key, complete and unchanged.

    python verify_pack.py PACK.zip PUBLIC_KEY.pem

It uses nothing of the portal, only Python 3.9 or later with the package `cryptography`. Get the public key from the
administrators of the portal, and not together with the pack: `compliance public-key` prints it. Exit status 0 if
everything is right. Otherwise 1, with what is wrong.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT = "latchkey-evidence/1"
LARGEST_MANIFEST, PART = 16 * 1024 * 1024, 64 * 1024
HEADER = struct.Struct("<4s2x2H8x2I2H")  # of a file in a zip: without version, time and checksum
LISTED, END = 46, struct.Struct("<4s4H2IH")  # before a name in the list, and behind the list
METHODS, PLAIN_FLAGS = (ZIP_STORED, ZIP_DEFLATED), 0x806  # names in UTF-8, and how well it was packed
IN_EXTRA, EXTRA = 0xFFFFFFFF, struct.Struct("<2H2Q")  # both sizes are behind the name


class Wrong(Exception):
    """What is wrong with the pack, as a sentence."""


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the key in a PEM file. Raises Wrong."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise Wrong(f"{path} is not a public key in PEM format.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Wrong(f"{path} is not an Ed25519 key.")
    return key


def read_all(path: Path) -> tuple[dict[str, tuple[int, str]], dict[str, bytes]]:
    """Return size and SHA-256 of each file in the zip, and the contents of the manifest and its signature.

    Raises Wrong unless the zip has its files one after the other, their list, and nothing else: every program must
    find the same files, whether it reads the zip from its beginning or its end.
    """
    found: dict[str, tuple[int, str]] = {}
    kept: dict[str, bytes] = {MANIFEST: b"", SIGNATURE: b""}
    place = 0
    with ZipFile(path) as pack, path.open("rb") as file:
        for entry in sorted(pack.infolist(), key=lambda each: each.header_offset):
            name, digest, size = entry.orig_filename, hashlib.sha256(), 0
            if name in found:
                raise Wrong(f"{name} is in the pack twice.")
            place = go_to_content(file, place, entry)
            for part in unpacked(name, file.read(entry.compress_size), entry.compress_type):
                digest.update(part)
                size += len(part)
                if name in kept:
                    kept[name] += part
                    if size > LARGEST_MANIFEST:
                        raise Wrong(f"{name} is too large.")
            if size != entry.file_size:
                raise Wrong(f"{name} has another size inside the zip.")
            found[name] = size, digest.hexdigest()
        length = sum(LISTED + len(name.encode()) for name in found)
        file.seek(place + length)
        end = END.pack(b"PK\5\6", 0, 0, len(found), len(found), length, place, 0)
        if place != pack.start_dir or file.read(END.size + 1) != end:
            raise Wrong("The zip has something that is none of its files.")
    return found, kept


def go_to_content(file: BinaryIO, place: int, entry: ZipInfo) -> int:
    """Go to where the content of a file begins, and return where it ends. place: where the file has to begin."""
    name, sizes = entry.orig_filename, (entry.compress_size, entry.file_size)
    file.seek(place)
    start, flags, method, packed, size, of_name, of_extra = HEADER.unpack(file.read(HEADER.size))
    if entry.header_offset != place or start != b"PK\3\4":
        raise Wrong(f"The zip has something before {name} that is none of its files.")
    if (flags, method) != (entry.flag_bits, entry.compress_type) or flags & ~PLAIN_FLAGS or method not in METHODS:
        raise Wrong(f"{name} is encrypted, or packed in a way that this program does not know.")
    if file.read(of_name) != name.encode():
        raise Wrong(f"{name} has another name inside the zip.")
    behind, told = EXTRA.pack(1, EXTRA.size - 4, *reversed(sizes)), (packed, size, file.read(of_extra))
    if told not in ((*sizes, b""), (IN_EXTRA, IN_EXTRA, behind)) or entry.extra or entry.comment:
        raise Wrong(f"{name} has another size inside the zip, or something behind its name.")
    return file.tell() + entry.compress_size


def unpacked(name: str, packed: bytes, method: int) -> Iterator[bytes]:
    """Yield the parts of a file. Raises Wrong if there is more in its place than the file, or less."""
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS) if method == ZIP_DEFLATED else None
    for at in range(0, len(packed), PART):
        part = packed[at : at + PART]
        yield unpacking.decompress(part) if unpacking else part
    if unpacking and (not unpacking.eof or unpacking.unused_data):
        raise Wrong(f"The zip has something behind {name} that is none of its files.")


def verify(path: Path, key: Ed25519PublicKey) -> dict[str, object]:
    """Return the manifest of a pack that is right. Raises Wrong."""
    found, kept = read_all(path)
    for name in sorted(kept.keys() - found.keys()):
        raise Wrong(f"{name} is missing.")
    try:
        key.verify(base64.b64decode(kept[SIGNATURE].strip(), validate=True), kept[MANIFEST])
    except (InvalidSignature, binascii.Error) as error:
        raise Wrong("The manifest was changed, or another key signed it.") from error
    manifest: dict[str, object] = json.loads(kept[MANIFEST])
    files = manifest.get("files")
    if manifest.get("format") != FORMAT or not isinstance(files, list):
        raise Wrong("The manifest has a format that this program does not know.")
    named = {each["name"]: (each["size"], each["sha256"]) for each in files}
    for name in sorted(named.keys() - found.keys()):
        raise Wrong(f"{name} is missing.")
    for name in sorted(found.keys() - named.keys() - kept.keys()):
        raise Wrong(f"{name} was added: the manifest does not name it.")
    for name in sorted(name for name, told in named.items() if found[name] != told):
        raise Wrong(f"{name} was changed: its size or hash is not that of the manifest.")
    return manifest


def main(arguments: list[str]) -> str:
    """Return what there is to say of a pack that is right. Raises Wrong, OSError, BadZipFile."""
    if len(arguments) != 2:
        raise Wrong("Usage: python verify_pack.py PACK.zip PUBLIC_KEY.pem")
    key = public_key(Path(arguments[1]))
    manifest = verify(Path(arguments[0]), key)
    key_id = hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()
    return f"OK: account {manifest['account_id']}, as of {manifest['as_of']}, signed by key {key_id}"


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except (Wrong, OSError, BadZipFile, NotImplementedError, ValueError, struct.error, zlib.error) as wrong:
        sys.exit(f"NOT VERIFIED: {wrong}")
