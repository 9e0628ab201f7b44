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
import sys
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT = "latchkey-evidence/1"
LARGEST_MANIFEST = 16 * 1024 * 1024


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


def entries(pack: ZipFile) -> dict[str, ZipInfo]:
    """Return the files of the zip by name. Raises Wrong if a name is there twice: of two, programs show either."""
    found: dict[str, ZipInfo] = {}
    for entry in pack.infolist():
        if entry.filename in found:
            raise Wrong(f"{entry.filename} is in the pack twice.")
        found[entry.filename] = entry
    return found


def check_layout(path: Path, pack: ZipFile) -> None:
    """Raise Wrong unless the zip holds its files one after the other and nothing else: programs that read a zip from
    its beginning must find the same files as those that begin with its list.
    """
    place = 0
    with path.open("rb") as file:
        for entry in sorted(pack.infolist(), key=lambda each: each.header_offset):
            file.seek(place)
            header = file.read(30)
            name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
            if entry.header_offset != place or header[:4] != b"PK\3\4" or entry.flag_bits & 8:
                raise Wrong(f"The zip has something before {entry.filename} that is none of its files.")
            if file.read(name) != entry.orig_filename.encode():
                raise Wrong(f"{entry.filename} has another name inside the zip.")
            place += 30 + name + extra + entry.compress_size
    if place != pack.start_dir or pack.comment:
        raise Wrong("The zip has something that is none of its files.")


def small(pack: ZipFile, found: dict[str, ZipInfo], name: str) -> bytes:
    """Return the content of a small file. Raises Wrong."""
    if name not in found:
        raise Wrong(f"{name} is missing.")
    if found[name].file_size > LARGEST_MANIFEST:
        raise Wrong(f"{name} is too large.")
    return pack.read(found[name])


def check_file(pack: ZipFile, entry: ZipInfo, told: dict[str, object]) -> None:
    """Compare a file with what the manifest says of it. Raises Wrong."""
    digest, size = hashlib.sha256(), 0
    with pack.open(entry) as content:
        while part := content.read(1024 * 1024):
            digest.update(part)
            size += len(part)
    if size != told["size"] or digest.hexdigest() != told["sha256"]:
        raise Wrong(f"{entry.filename} was changed: its size or hash is not that of the manifest.")


def verify(path: Path, key: Ed25519PublicKey) -> dict[str, object]:
    """Return the manifest of a pack that is right. Raises Wrong."""
    with ZipFile(path) as pack:
        found = entries(pack)
        check_layout(path, pack)
        signed = small(pack, found, MANIFEST)
        try:
            key.verify(base64.b64decode(small(pack, found, SIGNATURE).strip(), validate=True), signed)
        except (InvalidSignature, binascii.Error) as error:
            raise Wrong("The manifest was changed, or another key signed it.") from error
        manifest: dict[str, object] = json.loads(signed)
        files = manifest.get("files")
        if manifest.get("format") != FORMAT or not isinstance(files, list):
            raise Wrong("The manifest has a format that this program does not know.")
        named = {each["name"]: each for each in files}
        for name in sorted(named.keys() - found.keys()):
            raise Wrong(f"{name} is missing.")
        for name in sorted(found.keys() - named.keys() - {MANIFEST, SIGNATURE}):
            raise Wrong(f"{name} was added: the manifest does not name it.")
        for name, told in named.items():
            check_file(pack, found[name], told)
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
    except (Wrong, OSError, BadZipFile) as wrong:
        sys.exit(f"NOT VERIFIED: {wrong}")
