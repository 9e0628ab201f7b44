"""A setting that is secret can be in a file: `SECRET_KEY_FILE=/run/secrets/secret_key` in place of `SECRET_KEY=...`.

Secret stores of container platforms and systemd's LoadCredential= write such files.
"""

from __future__ import annotations

import os
import stat

from app.text.terminal import plain

LARGEST = 64 * 1024
"""Bytes of such a file, far more than any secret has."""


class Unusable(Exception):
    """The file can't be used. The message says why and what to do."""


def read_secret(setting: str, path: str) -> str:
    """Return the text of the file, without line breaks at its end. setting: which names the file, for messages.

    Raises Unusable. Its message repeats the path only where there is something, since it may be the secret itself.
    """
    shown = plain(path)
    try:
        descriptor = _opened(setting, path)
    except PermissionError as error:
        raise Unusable(f"{setting}: {shown} {_unreadable(error)}") from None
    text = b""
    try:
        if not (wrong := _of_file(os.fstat(descriptor))):
            with open(descriptor, "rb", closefd=False) as file:
                text = file.read(LARGEST + 1)
            wrong = _of_text(text)
    except OSError as error:
        wrong = _unreadable(error)
    finally:
        os.close(descriptor)
    if wrong:
        raise Unusable(f"{setting}: {shown} {wrong}")
    return text.decode().rstrip("\r\n")


def _opened(setting: str, path: str) -> int:
    """Open it. Without O_NONBLOCK, a named pipe would wait for its writer."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except (OSError, ValueError):  # a secret in place of a path can also be too long for one, for instance
        raise Unusable(
            f"{setting} names a file that doesn’t exist. Set the path of a file that has the secret."
        ) from None


def _unreadable(error: OSError) -> str:
    return f"can’t be read ({error.strerror}). Set the path of a file that the portal may read."


def _of_file(about: os.stat_result) -> str:
    if not stat.S_ISREG(about.st_mode):
        return "is no file. Set the path of a file that has the secret."
    rights = {stat.S_IROTH: "read", stat.S_IWOTH: "changed"}
    if of_everyone := [done for right, done in rights.items() if about.st_mode & right]:
        done, mode = " and ".join(of_everyone), stat.S_IMODE(about.st_mode)
        return f"can be {done} by everyone on this machine (mode {mode:04o}). Give it mode 0400 or 0440."
    return ""


def _of_text(text: bytes) -> str:
    if len(text) > LARGEST:
        return "is larger than 64 KiB. Set the path of a file that has only the secret."
    try:
        if not text.decode().strip():
            return "is empty. Write the secret into it."
    except UnicodeDecodeError:
        return "isn’t UTF-8 text. Write the secret into it as text."
    return ""
