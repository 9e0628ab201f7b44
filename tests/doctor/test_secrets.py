"""Neither the doctor's report nor its support bundle has a secret, or anything about people."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.doctor.all_checks import Diagnosis, examine
from app.doctor.bundle import Bundle, shown
from app.doctor.report import as_json, as_text
from app.doctor.settings import read
from config import SETTINGS
from tests.doctor.conftest import TOKEN, Examine
from tests.support.portal import Portal
from tests.support.sandbox import free_port

CANARY = "Canary77Canary77Canary77Canary77Canary77Canary77"
IN_URLS = {
    "DATABASE_URL": "postgresql+psycopg://{0}:{0}@127.0.0.1:{1}/{0}?password={0}",
    "REDIS_URL": "redis://{0}:{0}@127.0.0.1:{1}/0",
    "PUBLIC_URL": "https://127.0.0.1:{1}",
    "OIDC_ISSUER": "https://{0}:{0}@127.0.0.1:{1}/{0}?key={0}",
    "WEBHOOK_URL": "https://{0}:{0}@hooks.example.com/{0}?key={0}",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/{0}?key={0}",
    "TEAMS_WEBHOOK_URL": "https://example.com/{0}?sig={0}",
    "AWS_ENDPOINT_URL": "http://{0}:{0}@127.0.0.1:{1}/{0}?key={0}",
    "HTTP_PROXY": "http://{0}:{0}@127.0.0.1:{1}",
}
RIGHT = {
    "AUDIT_KEYS": "k1:{0},k0@2026-05-03:{0}",
    "ADMINS": "arn:aws:iam::123456789012:user/{0}",
    "AUDITORS": "arn:aws:iam::123456789012:user/{0}#AIDACANARY77CANARY77",
    "SUPPORT_CONTACT": "{0} <canary77@example.com>",
    "SECURITY_CONTACT": "canary77@example.com",
    "SMTP_FROM": "{0} <canary77@example.com>",
    "NOTICES_ADMINS": "canary77@example.com",
    "SERVICE_USERS": "name:{0}",
    "BRAND_NAME": CANARY[:40],
    "WEBHOOK_SECRETS": "whsec_Q2FuYXJ5NzdDYW5hcnk3N0NhbmFyeTc3Q2FuYXJ5Nzc=",
    "SMTP_SERVER": "mail.example.com",
}
"""Values that are right, and have it in them."""


def filled(pattern: str) -> str:
    return pattern.format(CANARY, free_port())


def files_of(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def written(diagnosis: Diagnosis, bundle: Bundle, folder: Path) -> str:
    """Everything that the command would write."""
    file = folder / f"{len(list(folder.iterdir()))}.zip"
    bundle.write(file, diagnosis)
    return "\n".join([as_text(diagnosis), as_json(diagnosis), str(diagnosis), *files_of(file).values()])


def gives_away(text: str) -> bool:
    return any(word in text.lower() for word in ("canary", "q2fuyxj5nzd"))


def environments(portal: Portal) -> Iterator[tuple[str, dict[str, str]]]:
    """With the canary as the value of each setting, alone, and in many right values at once."""
    good = {name: value for name, value in portal.environment.items() if not name.startswith("AWS_")}
    yield "all in URLs", {**good, **{name: filled(pattern) for name, pattern in IN_URLS.items()}}
    yield "all right", {**good, **{name: filled(pattern) for name, pattern in RIGHT.items()}}
    names = [name for setting in SETTINGS.values() for name in setting.names]
    everywhere = {name: f"{CANARY}{number}" for number, name in enumerate(names)}
    yield "everywhere", {**good, **everywhere}


def test_no_value_of_a_setting_is_in_any_output(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in IN_URLS:
        monkeypatch.delenv(name, raising=False)
    for case, env in environments(portal):
        for name in ("AWS_ENDPOINT_URL", "HTTP_PROXY"):
            if name in env:
                monkeypatch.setenv(name, env[name])
        bundle = Bundle()
        assert not gives_away(written(examine(env, bundle.collect), bundle, tmp_path)), case


@pytest.mark.parametrize("name", sorted(name for setting in SETTINGS.values() for name in setting.names))
def test_what_is_wrong_with_a_setting_is_said_without_its_value(name: str, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text(f"x{CANARY}\ny{CANARY},z\n")
    listed.chmod(0o600)
    for value in (CANARY, f"a,{CANARY}={CANARY}", f"https://{CANARY}@x/{CANARY}?{CANARY}", f"@{listed}", str(listed)):
        found = read({name: value})
        assert not gives_away(str(found.wrong) + json.dumps(shown(found))), (value, found.wrong)


def test_the_bundle_has_what_helps_and_nothing_about_people(
    portal: Portal, examined: Examine, tmp_path: Path
) -> None:
    people = ("Nadia.Petrova", "nadia@example.com", "192.0.2.44", "iPhone of Nadia", "arn:aws:iam::")
    add = (
        "insert into activity (account_id, seq, at, attempt_id, user_name, event, target, phase, reason, request_id, "
        "address, user_agent, session, key_id, mac) values ('999988887777', 1, '2026-05-03 10:00:00', '', :name, "
        "'sign-in', :target, 'done', '', '', :address, :agent, '', 'k1', '')"
    )
    portal.rows(add, name=people[0], target=people[1], address=people[2], agent=people[3])
    try:
        requests.get(f"{portal.url}/sign-in", timeout=30)
        bundle = Bundle()
        diagnosis = examined(
            bundle.collect, ADMINS=f"{portal.environment['ADMINS']},{portal.environment['ADMINS']}-2"
        )
        file = tmp_path / "support.zip"
        bundle.write(file, diagnosis)
    finally:
        portal.rows("delete from activity where account_id = '999988887777'")
    found = files_of(file)
    assert set(found) == {
        "README.txt", "findings.txt", "findings.json", "settings.json", "versions.json", "database.json",
        "health.json", "metrics.txt",
    }  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o600
    whole = "\n".join(found.values())
    secrets = (portal.environment["SECRET_KEY"], portal.environment["AUDIT_KEYS"].partition(":")[2], TOKEN)
    for word in (*people, *secrets, portal.environment["ACCOUNTS"], "Administrator", os.uname().nodename):
        assert word not in whole, word
    database, settings = json.loads(found["database.json"]), json.loads(found["settings.json"])
    assert database["rows"]["activity"] >= 1 and database["revision"] == database["newest"]
    assert settings["SECRET_KEY"] == {"set_by": ["SECRET_KEY"], "right": True}
    assert settings["ADMINS"]["entries"] == 1 and settings["WORKERS"]["value"] == 1
    assert json.loads(found["health.json"])["parts"]["database"] == "ok"
    assert "latchkey_requests_total" in found["metrics.txt"]
    assert "flask" in {name.lower() for name in json.loads(found["versions.json"])["packages"]}
    assert "stderr" in found["README.txt"]


def test_a_bundle_replaces_no_file(portal: Portal, tmp_path: Path) -> None:
    file = tmp_path / "precious.txt"
    file.write_text("precious")
    done = portal.flask("doctor", "--bundle", str(file))
    assert done.returncode == 2 and "File exists" in done.stderr and file.read_text() == "precious"


def test_where_the_portal_is_away_the_bundle_says_so(examined: Examine, tmp_path: Path) -> None:
    bundle = Bundle()
    bundle.write(
        tmp_path / "a.zip",
        examined(bundle.collect, PORT=str(free_port()), BIND="unix:/run/a.sock", TRUSTED_PROXIES="1"),
    )
    assert json.loads(files_of(tmp_path / "a.zip")["health.json"])["asked"] is False
