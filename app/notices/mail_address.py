"""Reading mail addresses, and writing them as mail servers accept them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from email.headerregistry import Address

_LOCAL = re.compile(r"""[^\s<>()\[\]\\,;:@"\x00-\x1f\x7f]{1,64}""")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.I)


class MailAddress(NamedTuple):
    """A mail address."""

    local: str
    domain: str
    """In ASCII: "xn--..." for a domain with other letters (RFC 5891)."""

    @property
    def needs_utf8(self) -> bool:
        """Does the mail server have to support SMTPUTF8 (RFC 6531) for it?"""
        return not self.local.isascii()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    def header(self, name: str = "") -> Address:
        """Return it for a header of `email.message`."""
        from email.headerregistry import Address  # noqa: PLC0415 # only the mail channel needs it

        return Address(display_name=name, username=self.local, domain=self.domain)


@lru_cache(maxsize=1024)  # each is read when it is looked up, when its mail is written, and when that is sent
def mail_address(text: str) -> MailAddress | None:
    """Return the address that `text` is, None if it isn't one. Quoted names before the @ aren't supported."""
    local, _, domain = text.strip().rpartition("@")
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    encoded = "=?" in local  # Python's email would decode it (RFC 2047)
    if not _LOCAL.fullmatch(local) or dots or encoded or not local.isprintable():
        return None
    ascii_domain = domain if domain.isascii() else _as_ascii(domain)
    longest_label = max(map(len, ascii_domain.split(".")))
    if not _DOMAIN.fullmatch(ascii_domain) or len(ascii_domain) > 253 or longest_label > 63:
        return None
    return MailAddress(local, ascii_domain.lower())


def _as_ascii(domain: str) -> str:
    """Return a domain with other letters as "xn--...", "" if it isn't one."""
    import idna  # noqa: PLC0415 # large tables, for few addresses

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return ""
