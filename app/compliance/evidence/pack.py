"""The pack: one zip with the findings in every format, and a signed manifest that says what is in it.

The same results, exported at the same second, give the same bytes. `docs/verify_pack.py` checks a pack without us.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import tee, zip_longest
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.compliance.evidence.files import FORMATS, HTML, STREAMED, Export, Findings
from app.compliance.evidence.html import Report
from app.compliance.evidence.signing import ALGORITHM, key_id, signature

NAME = "pack"
"""Of this format."""
ENDING, MIMETYPE = "zip", "application/zip"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FORMAT = "latchkey-evidence/1"
_PART = 1024 * 1024


def ending_of(form: str) -> str:
    """Return how names of files in a format end."""
    return ENDING if form == NAME else FORMATS[form].ending


def write_pack(export: Export, key: Ed25519PrivateKey, to: IO[bytes]) -> None:
    """Write the pack of all results. to: a file in which zipfile can seek. Raises ValueError if some are left out."""
    if not export.whole:
        raise ValueError("A pack has all results.")
    made, files = export.about.made_at, []
    with ExitStack() as stack, ZipFile(to, "w") as packed:
        written = {name: stack.enter_context(TemporaryFile()) for name in STREAMED}
        report = export.report()
        # All files are made from the same findings, which are read once: between two readings, users may change.
        sources = tee(_noted(export.findings(), report), len(STREAMED))
        texts = [each.write(export, found) for each, found in zip(STREAMED.values(), sources, strict=True)]
        for parts in zip_longest(*texts, fillvalue=""):
            for file, part in zip(written.values(), parts, strict=True):
                file.write(part.encode())
        for name, each in STREAMED.items():
            written[name].seek(0)
            content = iter(lambda file=written[name]: file.read(_PART), b"")  # type: ignore[misc] # of this turn
            files.append({"format": name, **_add(packed, f"findings.{each.ending}", made, content)})
        text = (part.encode() for part in report.text())
        files.append({"format": "html", **_add(packed, f"report.{HTML.ending}", made, text)})
        manifest = {
            "format": FORMAT,
            **export.about.fields(),
            "files": files,
            "signature": {"algorithm": ALGORITHM, "key_id": key_id(key.public_key()), "file": SIGNATURE},
        }
        signed = json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"
        _add(packed, MANIFEST, made, [signed])
        _add(packed, SIGNATURE, made, [signature(key, signed)])


def packed_file(export: Export, key: Ed25519PrivateKey) -> IO[bytes]:
    """Return the pack as a temporary file, to be read from its beginning and closed."""
    file = TemporaryFile()  # noqa: SIM115 # the caller closes it
    write_pack(export, key, file)
    file.seek(0)
    return file


def copy_pack(export: Export, key: Ed25519PrivateKey, to: IO[bytes]) -> None:
    """Write the pack to a file in which nobody can seek, like standard output."""
    with packed_file(export, key) as file:
        shutil.copyfileobj(file, to)


def _noted(found: Findings, report: Report) -> Iterator[Any]:
    for each in found:
        report.add(*each)
        yield each


def _add(packed: ZipFile, name: str, made: datetime, parts: Iterable[bytes]) -> dict[str, Any]:
    """Add a file, and return what the manifest says of it."""
    info = ZipInfo(name, (made.year, made.month, made.day, made.hour, made.minute, made.second))
    info.compress_type, info.create_system, info.external_attr = ZIP_DEFLATED, 3, 0o100644 << 16
    digest, size = hashlib.sha256(), 0
    with packed.open(info, "w", force_zip64=True) as file:
        for part in parts:
            file.write(part)
            digest.update(part)
            size += len(part)
    return {"name": name, "size": size, "sha256": digest.hexdigest()}
