"""A setting that is secret can be in a file: `SECRET_KEY_FILE=/run/secrets/secret_key` in place of `SECRET_KEY=...`.

Secret stores of container platforms and systemd's LoadCredential= write such files.
"""

from __future__ import annotations

import os
import stat

LARGEST = 64 * 1024
"""Bytes of such a file, far more than any secret has."""


class Unusable(Exception):
    """The file can't be used. The message says why and what to do."""


def read_secret(setting: str, path: str) -> str:
    """Return the text of the file, without line breaks at its end. setting: which names the file, for messages.

    Raises Unusable. A path where no file is isn't repeated in its message, since it may be the secret itself.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            wrong = _of_file(os.fstat(file.fileno()))
            text = b"" if wrong else file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise Unusable(
            f"{setting} names a file that doesn’t exist. Set the path of a file that has the secret."
        ) from None
    except OSError as error:
        raise Unusable(
            f"{setting}: {path} can’t be read ({error.strerror}). Set the path of a file that the portal may read."
        ) from None
    if wrong := wrong or _of_text(text):
        raise Unusable(f"{setting}: {path} {wrong}")
    return text.decode().rstrip("\r\n")


def _without_waiting(path: str, flags: int) -> int:
    """Open it. Without O_NONBLOCK, a named pipe would wait for its writer."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _of_file(about: os.stat_result) -> str:
    if not stat.S_ISREG(about.st_mode):
        return "is no file. Set the path of a file that has the secret."
    if about.st_mode & stat.S_IROTH:
        mode = stat.S_IMODE(about.st_mode)
        return f"can be read by everyone on this machine (mode {mode:04o}). Give it mode 0400 or 0440."
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
