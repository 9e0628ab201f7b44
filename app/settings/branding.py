"""Parsers for settings by which an organization makes the portal its own."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from app.settings.table import Parser, Reading
from app.settings.values import listed, optional
from app.text.messages import Contact

LARGEST_LOGO = 64 * 1024
"""Bytes: every first visit loads it."""
_PNG = b"\x89PNG\r\n\x1a\n"
_MAIL = r"[^\s<>@:/]+@[^\s<>@:/]+"
_LINK = r"https://[^\s<>]+"
_CONTACT = re.compile(rf"([^<>]+?)\s*(?:<({_MAIL}|{_LINK})>)?")


@dataclass(frozen=True)
class Logo:
    """A picture beside the name of the portal, read once at startup."""

    content: bytes
    content_type: str
    """Its MIME type."""

    @property
    def version(self) -> str:
        """Return the version in its address. Another picture has another one, so browsers can cache each."""
        return hashlib.sha256(self.content).hexdigest()[:12]


def line(most: int) -> Parser:
    """One line of plain text of at most so many characters."""

    def parse(text: str, at: Reading) -> str:
        text = text.strip()
        if len(text) > most or not text.isprintable():
            at.wrong(f"{at.name} must be one line of at most {most} characters.")
        return text

    return parse


def _is_svg(content: bytes) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in content[:4096]


def _logo(text: str, at: Reading) -> Logo | None:
    try:
        with Path(text).open("rb") as file:
            content = file.read(LARGEST_LOGO + 1)
    except OSError as error:
        at.wrong(f"{at.name}: can’t read {text} ({error.strerror}). Set the path of an SVG or PNG file.")
        return None
    if len(content) > LARGEST_LOGO:
        at.wrong(f"{at.name}: {text} is larger than {LARGEST_LOGO // 1024} KiB. Set a smaller picture.")
        return None
    content_type = "image/png" if content.startswith(_PNG) else "image/svg+xml" if _is_svg(content) else ""
    if not content_type:
        at.wrong(f"{at.name}: {text} is neither an SVG nor a PNG file. Set the path of one.")
        return None
    return Logo(content, content_type)


def _contact(text: str, at: Reading) -> Contact | None:
    found = _CONTACT.fullmatch(text.strip())
    if not found or len(text) > 200 or not text.isprintable():
        at.wrong(
            f"{at.name} is {text!r}: set a name, or a name with a mail address or a link, "
            "like IT help desk <help@example.com> or IT help desk <https://help.example.com>."
        )
        return None
    return Contact(found[1], found[2] or "")


_REPORTS = re.compile(rf"mailto:{_MAIL}|{_LINK}|tel:\+?[0-9().-]{{3,30}}", re.ASCII)


def reports_to(text: str, at: Reading) -> list[str]:
    """Where weaknesses are reported, as URIs: `mailto:`, `https:` or `tel:`. A mail address becomes the first."""
    found = [f"mailto:{part}" if re.fullmatch(_MAIL, part) else part for part in listed(text)]
    for uri in found:
        if len(uri) > 200 or not uri.isascii() or not uri.isprintable() or not _REPORTS.fullmatch(uri):
            at.wrong(
                f"{at.name}: {uri!r} must be a mail address, https://… or tel:…, like security@example.com or "
                "https://example.com/report."
            )
    return found


def web_page(text: str, at: Reading) -> str:
    """Return the https address of a page, "" for none."""
    if text and (len(text) > 200 or not text.isascii() or not re.fullmatch(_LINK, text)):
        at.wrong(f"{at.name} is {text!r}: set the address of a page, https://…")
    return text


logo = optional(_logo)
"""The picture in a file; None where the setting isn't set."""
contact = optional(_contact)
"""`NAME`, `NAME <MAIL>` or `NAME <https://...>`; None where the setting isn't set."""
