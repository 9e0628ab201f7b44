"""`python -m release images | bill | sums | sign KEY`: what the Makefile calls."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from release import locks, sbom, sums
from release.image import Builder
from release.kinds import KINDS, PORTAL
from release.source import DIST, ROOT, Unmade, date, version


def say(line: str) -> None:
    """Tell who waits how far it is."""
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()


def images(dist: Path) -> None:
    """Build both images from the wheels in `dist`, and write them there, with what they contain. Raises Unmade."""
    if os.geteuid():
        raise Unmade("Images are built as root. Run this with sudo.")
    with (
        tempfile.TemporaryDirectory(prefix="latchkey-images-") as folder,
        Builder(Path(folder), dist, say) as builder,
    ):
        below = builder.with_packages(builder.base())
        for kind in KINDS:
            below = builder.finish(kind, below)
            archive = builder.save(kind)
            say(f"{archive.name} has {archive.stat().st_size / 1e6:.0f} MB.")


def bill(dist: Path) -> None:
    """Write what the lock of the portal pins to `dist`."""
    pins = locks.pins(ROOT / PORTAL.lock)
    (dist / f"latchkey-{version()}.cdx.json").write_text(
        sbom.of_lock("latchkey", version(), pins, date(), Path(sys.prefix))
    )


def main(words: list[str]) -> None:
    """Carry out one of the commands. Raises Unmade."""
    DIST.mkdir(exist_ok=True)
    match words:
        case ["images"]:
            images(DIST)
        case ["bill"]:
            bill(DIST)
        case ["sums"]:
            say(f"{sums.write(DIST)} has {len(sums.artifacts(DIST))} files.")
        case ["sign", key]:
            say(f"{sums.sign(DIST, Path(key))} is the signature.")
        case ["sign"]:
            raise Unmade("Name the key: make sign KEY=/PATH/TO/SSH-KEY")
        case _:
            raise Unmade(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Unmade as error:
        sys.exit(str(error))
