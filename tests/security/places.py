"""Where forms are, and who can send them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from flask_wtf import FlaskForm
from werkzeug.routing import Rule
from wtforms.fields.core import UnboundField

from tests.faults.people import with_device
from tests.security.conftest import Entering, Guest
from tests.security.test_who_may import about_others
from tests.support.inside import token
from tests.support.marks import PASSWORD
from tests.support.people import hire
from tests.support.sandbox import Sandbox


def kinds_of_form(kind: type[FlaskForm] = FlaskForm) -> Iterator[type[FlaskForm]]:
    """Every class of form."""
    for each in kind.__subclasses__():
        yield each
        yield from kinds_of_form(each)


def fields() -> dict[str, UnboundField[Any]]:
    """Every field of every form, by name."""
    return {name: field for form in kinds_of_form() for name in dir(form) if (field := _unbound(form, name))}


def _unbound(form: type[FlaskForm], name: str) -> UnboundField[Any] | None:
    found = getattr(form, name)
    return found if isinstance(found, UnboundField) else None


class People:
    """Guests on the pages with forms, one for each kind of page. A guest who was signed out is replaced."""

    def __init__(
        self, portal: Flask, sandbox: Sandbox, entering: Entering, entering_as_chief: Callable[[], Guest]
    ) -> None:
        self._portal, self._sandbox, self._entering = portal, sandbox, entering
        self.account_id = sandbox.account_id
        self._guests: dict[Callable[[], Guest], Guest] = {}
        self._places: dict[str, Callable[[], Guest]] = {
            **dict.fromkeys(("mfa.enroll_post", "mfa.cancel"), self._enrolling),
            **dict.fromkeys(("mfa.activate_post", "mfa.activate_continue", "mfa.another_code"), self._activating),
            "signin.code_post": self._at_sign_in,
            **dict.fromkeys(("aws_signin.callback", "aws_signin.code"), self._at_aws),
            **dict.fromkeys(("access_keys.new_post", "access_keys.prove", "access_keys.sign_in"), self._saving),
            **dict.fromkeys(("password.index_post", "password.remove_post"), self._with_password),
        }
        self._chief = entering_as_chief

    def at(self, rule: Rule) -> Guest:
        """A guest who can send this form."""
        usual = self._chief if about_others(self._portal, rule) else self._entering
        return self._guest(self._places.get(rule.endpoint, usual))

    def before_mfa(self) -> Guest:
        """A guest without MFA."""
        return self._guest(self._newcomer)

    def _newcomer(self) -> Guest:
        return self._entering(mfa=False)

    def _guest(self, place: Callable[[], Guest]) -> Guest:
        if place not in self._guests:
            self._guests[place] = place()
            self._guests[place].csrf_token = token(self._guests[place].html)
        return self._guests[place]

    def was_led_to_sign_in(self, guest: Guest) -> None:
        """If a guest was signed out or has to confirm, forget them, so that another one replaces them."""
        for place in [place for place, each in self._guests.items() if each is guest]:
            if not self._stays(place, guest):
                del self._guests[place]

    def _stays(self, place: Callable[[], Guest], guest: Guest) -> bool:
        """Is the guest where they were? Refused sign-in forms lead to the sign-in page without ending anything."""
        if waits := {self._at_sign_in: "/sign-in/code", self._at_aws: "/sign-in/aws"}.get(place):
            return guest.ask("GET", waits).status_code in (200, 422)
        guest.ask("GET", "/sign-in")  # shows what was refused, which it does once
        return bool(guest.ask("GET", "/sign-in").headers.get("Location") == "/")

    def _enrolling(self) -> Guest:
        guest = self._entering(mfa=False)
        guest.open("/mfa/enroll").submit("/mfa/enroll/begin")
        assert guest.seed()
        return guest

    def _activating(self) -> Guest:
        guest = self._enrolling()
        codes = [self._sandbox.code(guest.seed(), step) for step in (0, 1)]
        assert guest.submit("/mfa/enroll", first_code=codes[0], second_code=codes[1]).path == "/mfa/activate"
        return guest

    def _at_sign_in(self) -> Guest:
        who, guest = hire(self._sandbox, "mallory"), Guest(self._portal)
        with_device(self._sandbox, who)
        assert guest.sign_in(who).path == "/sign-in/code"
        return guest

    def _at_aws(self) -> Guest:
        guest = Guest(self._portal)
        begun = guest.ask("POST", "/sign-in/aws", {"csrf_token": guest.token()})
        page = begun.headers["Location"] + guest.open("/sign-in/aws").html
        guest.state = page.replace("%26", "&").replace("%3D", "=").split("state=")[1].split("&")[0]
        return guest

    def _saving(self) -> Guest:
        guest = self._entering()
        assert guest.open("/access-keys").submit("/access-keys/create").path == "/access-keys/new"
        return guest

    def _with_password(self) -> Guest:
        who = hire(self._sandbox, "mallory")
        self._sandbox.as_administrator("iam").create_login_profile(UserName=who.name, Password=PASSWORD)
        return self._entering(who)
