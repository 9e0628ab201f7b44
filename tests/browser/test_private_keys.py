"""The page knows private keys as the portal does: both are asked about one table."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from app.public_keys.private import SIGNS, found
from app.text.typed import visible
from tests.support.private_keys import HARMLESS, PRIVATE

STATIC = Path(__file__).parents[2] / "static"
ASK = """async ([given, signs]) => {
  const { found, compiled } = await import("/private-keys.js");
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return given.map(({ text, file }) => found(text ?? bytes(file), compiled(signs)));
}"""
UNSEEN = """async (last) => {
  const { visible } = await import("/private-keys.js");
  const gone = [];
  for (let code = 0; code <= last; code++) {
    if ((code < 0xd800 || code > 0xdfff) && !visible(String.fromCodePoint(code))) gone.push(code);
  }
  return gone;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A browser at an empty page that may load the portal's own modules."""

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name:
            route.fulfill(body=(STATIC / name).read_text(), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html><title>Empty</title>", content_type="text/html")

    opened = browser.new_page()
    opened.route("**/*", answer)
    opened.goto("http://127.0.0.1/")
    yield opened
    opened.close()


def test_the_page_decides_as_the_portal_does(page: Page) -> None:
    table = [*PRIVATE.items(), *HARMLESS.items()]
    texts = [(kind, given) for kind, given in table if isinstance(given, str)]
    files = [(kind, given.encode() if isinstance(given, str) else given) for kind, given in table]
    files += [(f"{kind}, utf-16", given.encode("utf-16")) for kind, given in texts]
    sent: list[dict[str, Any]] = [{"text": text} for _, text in texts]
    sent += [{"file": base64.b64encode(file).decode()} for _, file in files]
    told = page.evaluate(ASK, [sent, SIGNS])
    tried: list[tuple[str, str | bytes]] = [*texts, *files]
    here = [str(found(given) or "") for _, given in tried]
    kinds = [kind for kind, _ in tried]
    assert [kind for kind, there, ours in zip(kinds, told, here, strict=True) if there != ours] == []
    assert {"key", "pkcs12", ""} == set(told)


def test_the_page_and_the_portal_drop_the_same_unseen_characters(page: Page) -> None:
    here = [code for code in range(sys.maxunicode + 1) if not visible(chr(code)) and not 0xD800 <= code <= 0xDFFF]
    assert page.evaluate(UNSEEN, sys.maxunicode) == here
