"""SHA256SUMS over the artifacts in a folder, and its signature by `ssh-keygen`."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from release.source import Unmade, version

SUMS = "SHA256SUMS"
SIGNATURE = f"{SUMS}.sig"
NAMESPACE = "file"
"""What ssh-keygen signs and verifies files under."""


def artifacts(folder: Path) -> list[Path]:
    """Return the artifacts of this version in a folder, by name."""
    return sorted(each for each in folder.iterdir() if f"-{version()}" in each.name and each.is_file())


def write(folder: Path) -> Path:
    """Write the sums, in the form of `sha256sum`; return the file. An old signature is removed. Raises Unmade."""
    found = artifacts(folder)
    if not found:
        raise Unmade(f"{folder} has no artifacts of version {version()}. Run `make artifacts` first.")
    lines = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in found]
    (folder / SIGNATURE).unlink(missing_ok=True)
    (folder / SUMS).write_text("".join(lines))
    return folder / SUMS


def sign(folder: Path, key: Path) -> Path:
    """Sign the sums with an SSH key (a public one: with its agent); return the signature. Raises Unmade."""
    if not (folder / SUMS).exists():
        raise Unmade(f"{folder} has no {SUMS}. Run `make artifacts` first.")
    changed = [line for line in (folder / SUMS).read_text().splitlines() if not _matches(folder, line)]
    if changed:
        raise Unmade(f"These differ from {SUMS}, so nothing was signed: {', '.join(each[66:] for each in changed)}")
    (folder / SIGNATURE).unlink(missing_ok=True)
    command = ["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(key), str(folder / SUMS)]
    # It may ask at the terminal for the key's passphrase.
    if subprocess.run(command, check=False).returncode:  # noqa: S603 # our own command
        raise Unmade("ssh-keygen could not sign. Its message is above.")
    return folder / SIGNATURE


def _matches(folder: Path, line: str) -> bool:
    digest, name = line.split("  ", 1)
    file = folder / name
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest
