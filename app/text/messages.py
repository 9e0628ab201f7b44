"""Every text that people read passes through here: `_("Sign in")` in Python, `{% trans %}` and `_()` in templates.

The texts themselves are English. `make messages` collects them for translators. Importing this module costs nothing:
the application says at its start what translates (`app.web.translations`), and where there is none, in commands,
texts stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Contact:
    """Who users can ask for help."""

    name: str
    """ "IT help desk"."""
    address: str = ""
    """A mail address or an https link; "" where there is none."""

    @property
    def link(self) -> str:
        """Where a link to them leads, "" for nowhere."""
        return f"mailto:{self.address}" if "@" in self.address and "//" not in self.address else self.address

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.address else self.name


def in_english(one: str, more: str, number: int) -> str:
    """Return the text for a number of things where nothing translates."""
    return one if number == 1 else more


@dataclass
class _Says:
    """What the application put in place of the plain functions."""

    gettext: Callable[[str], str] = str
    ngettext: Callable[[str, str, int], str] = in_english
    contact: Callable[[], Contact | None] = lambda: None


_says = _Says()


def say_with(
    gettext: Callable[[str], str],
    ngettext: Callable[[str, str, int], str],
    contact: Callable[[], Contact | None],
) -> None:
    """Translate with these from now on. contact: returns SUPPORT_CONTACT; none of them may need a request."""
    _says.gettext, _says.ngettext, _says.contact = gettext, ngettext, contact


def _(message: str, /, **values: object) -> str:
    """Return a text in the reader's language. values: of its `%(name)s`; without any, "%" means itself."""
    text = _says.gettext(message)
    return text % values if values else text


def ngettext(one: str, more: str, number: int, /, **values: object) -> str:
    """Return the text for a number of things: `ngettext("%(num)d key", "%(num)d keys", len(keys))`."""
    return _says.ngettext(one, more, number) % {"num": number, **values}


def N_(message: str, /) -> str:  # noqa: N802 # the name by which gettext's tools find texts
    """Mark a text of a table that is built at import: it stays as it is until `_()` translates it on a page."""
    return message


def administrator() -> str:
    """Return whom users ask, within a sentence: SUPPORT_CONTACT, or "your administrator"."""
    contact = _says.contact()
    return str(contact) if contact else _("your administrator")


def ask_admin() -> str:
    """Return the beginning of a sentence: "Ask IT help desk (help@example.com)", or "Ask your administrator"."""
    return _("Ask %(administrator)s", administrator=administrator())
