"""People with a company account: how they sign in at a provider that lies, or doesn't."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask

from tests.security.conftest import Guest
from tests.support.company import Liar


def begin(guest: Guest, wanted: str = "") -> str:
    """Press the button. Returns where it leads."""
    form = {"csrf_token": guest.token(), **({"next": wanted} if wanted else {})}
    answer = guest.ask("POST", "/sign-in/company", form)
    return str(answer.headers["Location"])


def come_back(guest: Guest, told: dict[str, str]) -> Guest:
    guest.open(f"/sign-in/company/callback?{urlencode(told)}")
    return guest


def enter(app: Flask, liar: Liar, wanted: str = "") -> Guest:
    guest = Guest(app)
    guest.open("/sign-in")
    return come_back(guest, liar.code_for(begin(guest, wanted)))
