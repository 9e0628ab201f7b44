"""Style sheets and scripts: a browser loads each once, until it changes."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from app.factory import create_app
from config import from_env
from tests.support.databases import GOOD

BASE = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(from_env({**GOOD, "DATABASE_URL": "sqlite://"})).test_client()


def test_what_a_page_loads_is_kept_under_its_version(client: FlaskClient) -> None:
    page = BeautifulSoup(client.get("/sign-in", base_url=BASE).text, "html.parser")
    sheets = [str(each["href"]) for each in page.select("link[rel=stylesheet]")]
    scripts = [str(each["src"]) for each in page.select("script[src]")]
    assert len(sheets) == 2 and len(scripts) == 3
    for address in [*sheets, *scripts]:
        answer = client.get(address, base_url=BASE)
        assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address


@pytest.mark.parametrize("query", ["", "?v=", "?v=other"])
def test_another_version_is_asked_for_again(client: FlaskClient, query: str) -> None:
    """A page of the release before or after this one asks, and so does a script that imports another."""
    answer = client.get(f"/static/private-keys.js{query}", base_url=BASE)
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get(
        f"/static/private-keys.js{query}", base_url=BASE, headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")
