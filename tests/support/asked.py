"""Which page asked AWS for what: the portal's log and the sandbox's, put together by the ids of requests."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from tests.support.portal import Portal
from tests.support.sandbox import ROOT, Sandbox

NO_PAGE = "no page"
"""Where calls belong that no request waits for: the refresh of compliance."""


class Asked(NamedTuple):
    """A call of AWS that some story had a page make."""

    story: str
    """Its file."""
    page: str
    """As the URL map spells it."""
    action: str
    status: int


def page_of(url_map: Map, path: str) -> str:
    """The page at an address; for the address of a form, the page that shows the form; "" if there is none."""
    pages = url_map.bind("127.0.0.1")
    while path:
        try:
            rule: Rule = pages.match(path, "GET", return_rule=True)[0]
        except HTTPException:
            path = path.rpartition("/")[0]
        else:
            return str(rule.rule)
    return ""


class Notebook:
    """Writes down what pages of a portal asked, for the test that looks back on all stories (TESTS_SEEN)."""

    def __init__(self, portal: Portal, sandbox: Sandbox, url_map: Map) -> None:
        self._portal = portal
        self._sandbox = sandbox
        self._url_map = url_map
        self._calls = 0
        self._logged = 0

    def write(self, story: Path) -> None:
        """What was asked since the last time, for this story. Requests whose portal was killed are left out."""
        if "TESTS_SEEN" not in os.environ:
            return
        pages, found = self._pages(), set()
        for call in self._sandbox.calls(self._calls):
            self._calls = call["seq"]
            said = re.fullmatch(r"latchkey/\S+ Botocore/\S+(?: request/(\S+))?", call["user_agent"])
            page = said and (pages.get(said[1], "") if said[1] else NO_PAGE)
            if page and call["action"]:  # what AWS did not even read has none
                found.add(Asked(str(story.relative_to(ROOT)), page, call["action"], call["status"]))
        with (Path(os.environ["TESTS_SEEN"]) / f"{os.getpid()}.asked").open("a") as notes:
            notes.writelines(f"{json.dumps(each)}\n" for each in sorted(found))

    def _pages(self) -> dict[str, str]:
        """Pages of the requests that were answered, by their ids."""
        with self._portal.log.open("rb") as log:
            log.seek(self._logged)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._logged += len(whole)
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
        answers = [line for line in lines if line["message"] == "answered"]
        return {answer["request_id"]: page_of(self._url_map, answer["path"]) for answer in answers}


def all_asked() -> set[Asked]:
    """What all stories wrote down."""
    files = Path(os.environ["TESTS_SEEN"]).glob("*.asked")
    return {Asked(*json.loads(line)) for file in files for line in file.read_text().splitlines()}
