"""docs/errors.md explains every code that a page, a command or a proxy's page can show, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from app.signin.views import WHYS
from app.web import error_pages
from tests.docs.pages import text
from tests.support.refusals import kinds
from tests.support.sandbox import ROOT

DOCUMENT = "docs/errors.md"
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PAGES = [
    file
    for file in (ROOT / "app").rglob("*.py")
    if not {"sandbox", "policy"} & set(file.relative_to(ROOT / "app").parts[:1])
]


def told_by_pages() -> set[str]:
    """The codes of pages and messages that no error has: those of `tell` and `done`, and as `refused_with`."""
    found = {*error_pages.CODES.values(), error_pages.WRONG_ADDRESS, *WHYS}
    for file in _PAGES:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            found |= {code for value in _values(node) for code in _codes(value, tree)}
    return found


def _values(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions whose value a page shows as its code."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tell", "done"):
        yield from (word.value for word in node.keywords if word.arg == "code")
        yield from node.args[2:3] if node.func.id == "tell" else []
    elif isinstance(node, ast.Call):
        yield from (word.value for word in node.keywords if word.arg == "refused_with")
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "refused_with")


def _codes(value: ast.expr, tree: ast.Module) -> set[str]:
    """The codes that an expression can be: its texts, or those that a name in it is set to in the same file."""
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    set_to = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and names & set(_targets(node))]
    texts = [node for source in (value, *set_to) for node in ast.walk(source) if isinstance(node, ast.Constant)]
    keys = {node.slice for node in ast.walk(value) if isinstance(node, ast.Subscript)}
    return {
        node.value
        for node in texts
        if isinstance(node.value, str) and node not in keys and CODE.fullmatch(node.value)
    }


def _targets(node: ast.Assign) -> Iterator[str]:
    return (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))


def of_the_proxy() -> set[str]:
    """The codes on nginx's own pages."""
    pages = list((ROOT / "deploy/nginx-pages").glob("*.html"))
    found = {code for page in pages for code in re.findall(r"Error code: <code>([a-z-]+)</code>", page.read_text())}
    assert len(found) == len(pages), "one each"
    return found


def documented() -> dict[str, tuple[str, str]]:
    """By code: cause, and what to do."""
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \| (.*?) \|$", text(DOCUMENT), re.MULTILINE)
    found = {code: (cause, cure) for code, cause, cure in rows}
    assert len(found) == len(rows), "each once"
    return found


def test_every_code_is_explained_and_no_other() -> None:
    of_errors = {kind.code for kind in kinds()}
    narrower = {
        f"{kind.code}:{diagnosis}" for kind in kinds() if "diagnoses" in vars(kind) for diagnosis in kind.diagnoses
    }
    shown = of_errors | narrower | told_by_pages() | of_the_proxy()
    assert {"not-allowed", "pasted-text-refused:cut-short", "out-of-date", "qr-code-over", "not-answering"} <= shown
    assert sorted(shown - documented().keys()) == [], "these lack a row in docs/errors.md"
    assert sorted(documented().keys() - shown) == [], "these are shown nowhere"


def test_every_code_has_its_cause_and_its_cure() -> None:
    for code, (cause, cure) in documented().items():
        assert cause.endswith(".") and cure.endswith(".") and cause != cure, code
