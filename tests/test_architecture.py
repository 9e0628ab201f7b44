"""Guards and boundaries, proven over what there is rather than remembered."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from flask import Flask

from app.factory import create_app
from app.web.guards import is_public
from app.web.navigation import ELSEWHERE, GROUPS, place_of
from config import from_env

PUBLIC = {
    "company_signin.backchannel_logout",
    "calendar.feed",
    "company_signin.sign_in",
    "company_signin.callback",
    "static",
    "signin.sign_in",
    "signin.sign_in_post",
    "aws_signin.sign_in_post",
    "branding.choose_theme",
    "branding.logo",
    "security_txt.security_txt",
    "aws_signin.callback",
    "aws_signin.sign_in",
    "aws_signin.code",
    "aws_signin.stopped",
    "signin.code",
    "signin.first",
    "mfa.lost",
    "mfa.resync",
    "mfa.resync_post",
    "signin.code_post",
    "signin.cancel",
    "signin.sign_out",
}
ONLY_WITH_MFA = {
    "password.new",
    "password.new_post",
    "password.remove",
    "password.remove_post",
    "certificates.check",
    "access_keys.delete_lost",
    "access_keys.have",
    "access_keys.activate",
    "access_keys.create",
    "access_keys.deactivate",
    "access_keys.deactivate_post",
    "access_keys.delete",
    "access_keys.delete_post",
    "access_keys.download",
    "access_keys.index",
    "access_keys.new",
    "access_keys.note",
    "access_keys.note_post",
    "access_keys.prove",
    "access_keys.new_post",
    "access_keys.sign_in",
    "account.index",
    "calendar.index_post",
    "calendar.end",
    "calendar.index",
    "certificates.activate",
    "certificates.new_post",
    "certificates.deactivate",
    "certificates.deactivate_post",
    "certificates.delete",
    "certificates.delete_post",
    "certificates.index",
    "certificates.new",
    "certificates.upload",
    "ssh_keys.activate",
    "ssh_keys.deactivate",
    "ssh_keys.deactivate_post",
    "ssh_keys.delete",
    "ssh_keys.delete_post",
    "ssh_keys.index",
    "ssh_keys.new",
    "ssh_keys.new_post",
    "mfa.add",
    "mfa.clear",
    "mfa.devices",
    "mfa.command_line",
    "mfa.finished",
    "mfa.name",
    "mfa.remove",
    "mfa.remove_post",
    "mfa.replace",
    "mfa.replace_post",
    "mfa.replaced",
    "mfa.replaced_post",
    "activity.index",
    "activity.not_me",
    "activity.sessions",
    "activity.end_session",
}
RECENTLY_CONFIRMED = {
    "certificates.check",
    "access_keys.delete_lost",
    "access_keys.have",
    "access_keys.new",
    "access_keys.download",
    "access_keys.activate",
    "certificates.activate",
    "ssh_keys.activate",
    "mfa.begin",
    "mfa.enroll",
    "mfa.enroll_post",
    "password.new",
    "password.new_post",
    "password.remove",
    "password.remove_post",
    "access_keys.create",
    "access_keys.deactivate",
    "access_keys.deactivate_post",
    "access_keys.delete",
    "access_keys.delete_post",
    "certificates.new_post",
    "certificates.deactivate",
    "certificates.deactivate_post",
    "certificates.delete",
    "certificates.delete_post",
    "certificates.new",
    "certificates.upload",
    "ssh_keys.deactivate",
    "ssh_keys.deactivate_post",
    "ssh_keys.delete",
    "ssh_keys.delete_post",
    "ssh_keys.new",
    "ssh_keys.new_post",
    "mfa.add",
    "mfa.hardware",
    "mfa.hardware_post",
    "mfa.print_qr_code",
    "mfa.remove",
    "mfa.remove_post",
    "mfa.replace",
    "mfa.replace_post",
    "mfa.replaced_post",
}
ONLY_FOR_ADMINS = {
    "notices.cancel",
    "notices.send_again",
    "notices.send_all_again",
    "compliance_sessions.end",
    "compliance_audit.choose_rule",
    "campaigns.new",
    "campaigns.new_post",
    "campaigns.start",
    "campaigns.pause",
    "campaigns.end",
    "campaigns.end_post",
    "policies.check",
    "policies.check_post",
    "policies.download",
    "policies.write",
    "compliance.end_sessions",
    "compliance.refresh",
    "compliance.reminders",
    "compliance_audit.exceptions_post",
    "compliance_audit.several",
    "compliance_audit.several_post",
    "compliance_audit.approve_batch",
    "compliance_audit.end_batch",
    "compliance_audit.restore_batch",
    "compliance_audit.end_exception",
    "compliance_audit.approve_exception",
    "compliance_audit.report",
    "compliance_audit.report_post",
    "compliance_audit.restore_exception",
}
FOR_AUDITORS_TOO = {
    "notices.addresses",
    "notices.index",
    "compliance_sessions.index",
    "campaigns.index",
    "campaigns.one",
    "campaigns.users",
    "activity.everyone",
    "activity.export",
    "policies.index",
    "policies.try_it",
    "compliance.accounts",
    "compliance.accounts_file",
    "compliance.export",
    "compliance.index",
    "compliance.one",
    "compliance.people",
    "compliance.progress",
    "compliance_audit.batch",
    "compliance_audit.exceptions",
    "compliance_audit.index",
    "compliance_audit.rule",
    "compliance_audit.standard",
    "compliance_audit.standards",
    "compliance_evidence.index",
    "compliance_evidence.public_key",
    "compliance_evidence.verifier",
    "compliance_history.changes",
    "compliance_history.changes_file",
    "compliance_history.index",
    "compliance_history.listed",
    "compliance_history.listed_file",
    "compliance_history.trend",
    "compliance_policies.group",
    "compliance_policies.index",
    "compliance_policies.one",
    "compliance_policies.people",
}


@pytest.fixture(scope="module")
def portal() -> Flask:
    return create_app(
        from_env(
            {
                "ACCOUNTS": "123456789012",
                "SECRET_KEY": "x" * 40,
                "AUDIT_KEYS": "k1:" + "a" * 40,
                "DATABASE_URL": "sqlite://",
            }
        )
    )


def test_only_the_listed_pages_are_open_to_everyone(portal: Flask) -> None:
    with portal.app_context():
        assert {rule.endpoint for rule in portal.url_map.iter_rules() if is_public(rule.endpoint)} == PUBLIC


def test_pages_for_mfa_sessions_are_marked(portal: Flask) -> None:
    marked = {name for name, view in portal.view_functions.items() if getattr(view, "needs_mfa", False)}
    assert marked == ONLY_WITH_MFA


def test_what_decides_who_gets_in_is_confirmed(portal: Flask) -> None:
    marked = {name for name, view in portal.view_functions.items() if getattr(view, "needs_confirmation", False)}
    assert marked == RECENTLY_CONFIRMED


def test_pages_for_admins_are_marked(portal: Flask) -> None:
    marked = {name for name, view in portal.view_functions.items() if getattr(view, "needs_admin", False)}
    assert marked == ONLY_FOR_ADMINS


def test_every_page_about_others_says_whether_auditors_may(portal: Flask) -> None:
    marked = {name for name, view in portal.view_functions.items() if getattr(view, "needs_auditor", False)}
    assert marked == FOR_AUDITORS_TOO and not marked & ONLY_FOR_ADMINS
    about_others = {
        name for name in portal.view_functions if name.startswith(("compliance", "notices.", "policies."))
    }
    assert about_others <= ONLY_FOR_ADMINS | FOR_AUDITORS_TOO, "each has @admins_only or @auditors_too"
    forms = {rule.endpoint for rule in portal.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert not forms & FOR_AUDITORS_TOO, "auditors change nothing"


def test_every_page_belongs_to_a_place_of_the_sidebar(portal: Flask) -> None:
    pages = {rule.endpoint for rule in portal.url_map.iter_rules() if "GET" in (rule.methods or ())} - {"static"}
    with portal.app_context():
        lost = {page for page in pages if place_of(page) is None and page.partition(".")[0] not in ELSEWHERE}
        assert not lost, "add each to the `owns` of its place in app/web/navigation.py"
        one, index = place_of("compliance.one"), place_of("compliance.index")
    assert one is not index, "an endpoint counts before its blueprint"


def test_every_place_of_the_sidebar_opens(portal: Flask) -> None:
    with portal.app_context():
        places = [place for group in GROUPS for place in group.all_places()]
        assert [place_of(place.endpoint) for place in places] == places
    for place in places:
        view = portal.view_functions[place.endpoint]
        assert not place.before_mfa or not getattr(portal.view_functions[place.before_mfa], "needs_mfa", False)
        marks = ("needs_mfa", "needs_admin", "needs_auditor")
        assert place.before_mfa or any(getattr(view, mark, False) for mark in marks)


def test_reading_and_changing_are_two_views(portal: Flask) -> None:
    for rule in portal.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods in ({"GET"}, {"POST"}), f"{rule} answers {methods}"


def test_a_form_sent_to_the_address_of_a_page_is_named_after_the_page(portal: Flask) -> None:
    pages = {rule.rule: rule.endpoint for rule in portal.url_map.iter_rules() if "GET" in (rule.methods or ())}
    forms = {rule.rule: rule.endpoint for rule in portal.url_map.iter_rules() if "POST" in (rule.methods or ())}
    twins = {path: endpoint for path, endpoint in forms.items() if path in pages}
    assert len(twins) > 10
    assert twins == {path: f"{pages[path]}_post" for path in twins}
    assert {endpoint for endpoint in forms.values() if endpoint.endswith("_post")} == set(twins.values())


def test_addresses_are_kebab_case(portal: Flask) -> None:
    for rule in portal.url_map.iter_rules():
        if rule.endpoint != "static":
            assert rule.rule == rule.rule.lower() and "_" not in rule.rule


def test_what_the_security_document_names_is_there() -> None:
    root = Path(__file__).parents[1]
    text = (root / "docs/security.md").read_text()
    stories = list(root.glob("tests/**/test_*.py"))
    files = {file.stem for file in stories}
    functions = {name for file in stories for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert set(re.findall(r"`(test_\w+)`", text)) - functions <= files


@pytest.mark.parametrize(
    "document", sorted((Path(__file__).parents[1] / "docs").glob("*.md")), ids=lambda path: path.name
)
def test_the_files_that_documents_name_are_there(document: Path) -> None:
    root = document.parents[1]
    # Words in capitals stand for a name, as in app/FEATURE/views.py.
    for path in re.findall(r"`((?:app|docs|templates|tests)/[\w/.-]+)`", document.read_text()):
        assert (root / path).exists() or re.search(r"\b[A-Z]{2,}\b", path), path


def test_the_layers_of_the_development_document_are_those_of_the_contract() -> None:
    root = Path(__file__).parents[1]
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    section = (root / "docs/development.md").read_text().split("## Layout")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert [re.findall(r"`(\w+)`", cell) for cell in cells] == [layer.split(" | ") for layer in layers]
