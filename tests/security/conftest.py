"""A portal inside the tests' process against a sandbox beside it: every request of an attacker costs milliseconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import run_wsgi_app

from app.db import db
from app.factory import create_app
from app.oidc.provider import Provider
from config import from_env
from tests.faults.people import with_device
from tests.support.clock import Clock
from tests.support.company import CLIENT_ID, CLIENT_SECRET, SETTINGS, Liar
from tests.support.databases import GOOD, make_database
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor

ELSEWHERE = "999988887777"
"""Another account that the portal serves."""


SAYS_NO = re.compile(r"""data-refused=["']?[^"'\s>]|data-reference""")
"""On a page that may say under which code and reference it says no."""
INSTEAD = "tests.cookie"
"""Of the environment: what is sent instead of the client's own cookies."""


class Client(FlaskClient):
    """Chooses cookies without decoding the query. If that's long, Werkzeug's way takes as long as the page."""

    def _add_cookies_to_wsgi(self, environ: dict[str, Any]) -> None:
        query, environ["QUERY_STRING"] = environ["QUERY_STRING"], ""
        super()._add_cookies_to_wsgi(environ)
        environ["QUERY_STRING"] = query
        if INSTEAD in environ:
            environ["HTTP_COOKIE"] = environ[INSTEAD]

    def run_wsgi_app(self, environ: dict[str, Any], buffered: bool = False) -> Any:
        """Run the application, and keep the cookies it sets."""
        self._add_cookies_to_wsgi(environ)
        ran = run_wsgi_app(self.application, environ, buffered=buffered)
        host = environ["HTTP_HOST"].partition(":")[0]
        self._update_cookies_from_response(host, environ["PATH_INFO"], ran[2].getlist("Set-Cookie"))
        return ran


class Guest(Visitor):
    """A browser of the portal in this process."""

    def __init__(self, app: Flask, address: str = "127.0.0.1") -> None:
        super().__init__(app.config["PUBLIC_URL"])
        self.app = app
        self.comes_from = address
        self.client = Client(app, app.response_class)
        self.seed_of_mine = ""
        self.csrf_token = ""
        self.state = ""
        """Of the sign-in under way at AWS."""
        self.references: set[str] = set()
        """IDs of the requests that were answered."""

    def _ask(self, method: str, path: str, data: dict[str, str] | None) -> Any:
        return self.ask(method, path, data)

    def go(self, method: str, path: str, data: dict[str, str] | None = None) -> Visitor:
        """Every page that says no says under which code and reference, for those who ask for help."""
        super().go(method, path, data)
        if self.status < 400 and not SAYS_NO.search(self.html):
            return self  # without parsing the page, which many stories never read
        page = self.soup.select_one("main")
        if page is not None:
            told, given = page.get("data-refused", ""), page.select("[data-reference] code")
            only_informs = self.status == 200 and not {"warning", "danger"}.intersection(self.notices)
            code, *reference = [each.get_text() for each in given] or [""]
            assert code == ("" if only_informs else told), (self.path, self.status, told)
            assert self.references.issuperset(reference), (self.path, "a request of this browser")
            assert code or self.status < 400 or self.status == 422, (self.path, self.status)
        return self

    def ask(self, method: str, path: str, data: Any = None, **options: Any) -> Any:
        """One request, redirects not followed."""
        given = {"base_url": self.urls[0], "environ_overrides": {"REMOTE_ADDR": self.comes_from}, **options}
        if self.urls[0].startswith("https:"):  # where a form must say which page it is from
            given["headers"] = {"Referer": self.urls[0] + "/", **given.get("headers", {})}
        if "Cookie" in given.get("headers", {}):
            given["environ_overrides"][INSTEAD] = given["headers"]["Cookie"]
        answer = self.client.open(path, method=method, data=data, **given)
        self.references |= {each.headers["X-Request-Id"] for each in (answer, *answer.history)}
        return answer

    def token(self) -> str:
        """This session's CSRF token."""
        page: str = self.ask("GET", "/sign-in", follow_redirects=True).text
        return page.split('name="csrf_token"')[1].split('value="')[1].split('"', maxsplit=1)[0]


@pytest.fixture(scope="session")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "sandbox-of-security", clock) as running:
        iam = running.as_administrator("iam")
        for name in ("elsewhere-admin", "reviewer", "two-roles"):
            iam.create_user(UserName=name)
            iam.add_user_to_group(GroupName="EC2MFA", UserName=name)
        yield running


def portal_of(sandbox: Sandbox, folder: Path, **overrides: str) -> Flask:
    """overrides: of the settings."""
    file = folder / "portal.db"
    with pytest.MonkeyPatch.context() as environment:
        for service, url in (("IAM", sandbox.url), ("STS", sandbox.url), ("SIGNIN", sandbox.facts["signin_url"])):
            environment.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        arn = f"arn:aws:iam::{sandbox.account_id}:user"
        settings = {
            **GOOD,
            "ACCOUNTS": f"{sandbox.account_id},{ELSEWHERE}",
            "ADMINS": f"{arn}/Administrator,{ELSEWHERE}={arn}/elsewhere-admin,{ELSEWHERE}={arn}/two-roles",
            "AUDITORS": f"{arn}/reviewer,{arn}/two-roles",
            "DATABASE_URL": f"sqlite:///{file}",
            **overrides,
        }
        new = not file.exists() and "DATABASE_URL" not in overrides
        if new:
            make_database(file)
        app = create_app(from_env(settings))
    if not new:
        with app.app_context():
            flask_migrate.upgrade()
    return app


@pytest.fixture(scope="session")
def portal(sandbox: Sandbox, scratch: Path) -> Iterator[Flask]:
    """With limits far above what these tests do."""
    folder = scratch / "portal-of-security"
    folder.mkdir()
    many = "100000 per hour"
    app = portal_of(sandbox, folder, SIGN_IN_LIMIT_PER_ADDRESS=many, SIGN_IN_LIMIT_PER_KEY=many)
    yield app
    with app.app_context():
        db.engine.dispose()


Entering = Callable[..., Guest]


@pytest.fixture
def entering(portal: Flask, sandbox: Sandbox, clock: Clock) -> Entering:
    """Signs someone in: with a device unless `mfa=False`."""

    def enter(who: Employee | None = None, *, mfa: bool = True, app: Flask = portal) -> Guest:
        who = who or hire(sandbox, "mallory")
        guest = Guest(app)
        guest.seed_of_mine = with_device(sandbox, who) if mfa else ""
        clock.move(60)
        guest.sign_in(who, sandbox.code(guest.seed_of_mine) if mfa else "")
        assert guest.is_inside(who.name), guest.text
        return guest

    return enter


@pytest.fixture
def entering_as_chief(portal: Flask, sandbox: Sandbox, clock: Clock) -> Callable[..., Guest]:
    """Signs in Administrator, for whom the pages of administrators are."""

    def enter(app: Flask = portal) -> Guest:
        facts, guest = sandbox.user("Administrator"), Guest(app)
        clock.move(60)
        chief = Employee(sandbox, "Administrator", facts["access_key_id"], facts["secret_access_key"])
        guest.sign_in(chief, sandbox.code(facts["mfa"]["seed"]))
        assert guest.is_inside("Administrator"), guest.text
        return guest

    return enter


@pytest.fixture(scope="module")
def running() -> Iterator[Liar]:
    with Liar() as running:
        yield running


@pytest.fixture
def liar(running: Liar, office: Flask) -> Liar:
    """A provider that doesn't lie yet, and of which the portal knows nothing yet."""
    running.start_over()
    office.extensions["oidc-provider"] = Provider(running.issuer, CLIENT_ID, CLIENT_SECRET)
    return running


@pytest.fixture
def company(office: Flask, liar: Liar) -> Flask:
    """The same portal, for a test with its own provider."""
    return office


@pytest.fixture(scope="module")
def office(
    sandbox: Sandbox, running: Liar, tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> Iterator[Flask]:
    """A portal whose company has this provider."""
    tmp_path = tmp_path_factory.mktemp("office-of-company")
    many = "100000 per hour"
    limits = {"SIGN_IN_LIMIT_PER_ADDRESS": many, "SIGN_IN_LIMIT_PER_KEY": many}
    groups = {"OIDC_ADMIN_GROUPS": f"cloud-admins,{'elsewhere=' + ELSEWHERE}"}
    app = portal_of(sandbox, tmp_path, **limits, **{**SETTINGS, **groups}, OIDC_ISSUER=running.issuer)
    yield app
    with app.app_context():
        db.engine.dispose()
