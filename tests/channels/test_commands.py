"""`notify test` and `notify preview`, and the settings of the channels."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from app.notices.channels import configured
from app.notices.channels.outcomes import SENTENCES, said
from app.notices.cli import commands
from app.notices.kinds import KINDS
from config import from_env
from tests.support.databases import GOOD
from tests.support.mail_server import mail_server
from tests.support.receiver import answer, receiver
from tests.support.tls import Certificate

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
MAIL = {"SMTP_SERVER": "127.0.0.1:9", "SMTP_SECURITY": "plain", "SMTP_FROM": "Keys <keys@example.com>"}


def run(*words: str, **settings: str) -> Result:
    """Run `flask notify ...` with these settings."""
    app = Flask("app")
    app.config.from_mapping(from_env({**GOOD, **settings}))
    return CliRunner().invoke(commands, list(words), obj=ScriptInfo(create_app=lambda: app))


def problems(**settings: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        from_env({**GOOD, **settings})
    return str(stopped.value)


def test_a_test_mail_arrives(certificate: Certificate) -> None:
    settings = {
        "SMTP_SECURITY": "starttls",
        "NOTICES_CA_FILE": str(certificate.file),
        "SMTP_FROM": "keys@example.com",
    }
    with mail_server(certificate.server, auth_required=True) as server:
        settings |= {"SMTP_SERVER": f"localhost:{server.port}", "SMTP_USER": "latchkey", "SMTP_PASSWORD": "right"}
        done = run("test", "--channel", "mail", "--to", "jane@example.com", BRAND_NAME="Acme Keys", **settings)
        assert (done.exit_code, done.output) == (0, "Sent to jane@example.com. Check that it arrived.\n")
        [mail] = server.mails
        assert mail.message["Subject"] == "Test notice from Acme Keys" and mail.encrypted
        assert mail.message["From"] == "Acme Keys <keys@example.com>"
        refused = run("test", "--channel", "mail", "--to", "jane@example.com", **settings | {"SMTP_PASSWORD": "no"})
        assert refused.exit_code == 1
        assert refused.output == f"Error: Not sent. {said('login-refused')}\n"
        assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("channel", "setting", "answers"),
    [
        ("webhook", "WEBHOOK_URL", answer(204)),
        ("slack", "SLACK_WEBHOOK_URL", answer(200, b"ok")),
        ("teams", "TEAMS_WEBHOOK_URL", answer(202)),
    ],
)
def test_a_test_is_posted(channel: str, setting: str, answers: object) -> None:
    with receiver() as there:
        there.answers = [answers, answer(403, b"no")]  # type: ignore[list-item]  # a Behaviour
        settings = {setting: f"http://127.0.0.1:{there.port}/a/secret?sig=x"}
        if channel == "webhook":
            settings["WEBHOOK_SECRETS"] = SECRET
        done = run("test", "--channel", channel, **settings)
        assert (done.exit_code, done.output) == (0, f"Sent to {setting}. Check that it arrived.\n")
        assert b"Test notice from Latchkey" in there.requests[0].body
        refused = run("test", "--channel", channel, **settings)
        assert refused.exit_code == 1 and refused.output == f"Error: Not sent. {said('http-403')}\n"


@pytest.mark.parametrize("channel", ["mail", "webhook", "slack", "teams"])
def test_a_channel_that_is_not_set_up_names_its_setting(channel: str) -> None:
    done = run("test", "--channel", channel, "--to", "jane@example.com")
    assert done.exit_code == 1 and re.search(r"Set [A-Z_]+\.", done.output)


@pytest.mark.parametrize(
    "words", [["--channel", "mail"], ["--channel", "mail", "--to", "jane"], ["--channel", "fax"], []]
)
def test_a_wrong_command_is_told_apart_from_a_failed_test(words: list[str]) -> None:
    assert run("test", *words, **MAIL).exit_code == 2


def test_all_notices_can_be_looked_at(tmp_path: Path) -> None:
    done = run("preview", "--folder", str(tmp_path / "previews"), BRAND_NAME="Acme Keys")
    assert done.exit_code == 0, done.output
    files = {file.name for file in (tmp_path / "previews").iterdir()}
    assert files == {f"{kind}.{ending}" for kind in KINDS for ending in ("html", "txt")}
    assert "Acme Keys" in (tmp_path / "previews" / "test.html").read_text()
    assert run("preview", "digest", "--folder", str(tmp_path / "one")).exit_code == 0
    assert len(list((tmp_path / "one").iterdir())) == 2
    assert run("preview", "no-such-kind", "--folder", str(tmp_path)).exit_code == 2
    (tmp_path / "file").write_text("")
    assert run("preview", "test", "--folder", str(tmp_path / "file" / "x")).exit_code == 1


def test_only_what_is_set_up_is_a_channel() -> None:
    assert configured(from_env(GOOD)) == {}
    hooks = {
        "WEBHOOK_URL": "https://a.example/x",
        "WEBHOOK_SECRETS": SECRET,
        "SLACK_WEBHOOK_URL": "https://s.example/x",
    }
    assert list(configured(from_env({**GOOD, **MAIL, **hooks}))) == ["mail", "webhook", "slack"]
    every = configured(from_env({**GOOD, **MAIL, **hooks, "TEAMS_WEBHOOK_URL": "https://t.example/x?sig=1"}))
    assert all(name == channel.name for name, channel in every.items()) and len(every) == 4  # type: ignore[attr-defined]  # each has one


WRONG: list[tuple[str, dict[str, str]]] = [
    ("SMTP_SERVER", {"SMTP_SERVER": "smtp://mail.example.com"}),
    ("SMTP_SERVER", {"SMTP_SERVER": "mail.example.com:99999"}),
    ("SMTP_FROM", {"SMTP_SERVER": "mail.example.com"}),
    ("SMTP_FROM", MAIL | {"SMTP_FROM": "Keys"}),
    ("SMTP_FROM", MAIL | {"SMTP_FROM": "Keys <keys@example.com>\nBcc: x@example.com"}),
    ("SMTP_SECURITY", MAIL | {"SMTP_SERVER": "mail.example.com"}),
    ("SMTP_SECURITY", MAIL | {"SMTP_SECURITY": "ssl"}),
    ("SMTP_USER", MAIL | {"SMTP_SECURITY": "plain-on-network", "SMTP_USER": "x", "SMTP_PASSWORD": "y"}),
    ("SMTP_PASSWORD", MAIL | {"SMTP_USER": "x"}),
    ("SMTP_USER", MAIL | {"SMTP_PASSWORD": "y"}),
    ("WEBHOOK_SECRETS", {"WEBHOOK_URL": "https://hooks.example.com/"}),
    ("WEBHOOK_URL", {"WEBHOOK_SECRETS": SECRET}),
    ("WEBHOOK_SECRETS", {"WEBHOOK_URL": "https://hooks.example.com/", "WEBHOOK_SECRETS": "whsec_c2hvcnQ="}),
    ("WEBHOOK_SECRETS", {"WEBHOOK_URL": "https://hooks.example.com/", "WEBHOOK_SECRETS": f"{SECRET},{'x' * 40}"}),
    ("WEBHOOK_URL", {"WEBHOOK_URL": "http://hooks.example.com/", "WEBHOOK_SECRETS": SECRET}),
    ("SLACK_WEBHOOK_URL", {"SLACK_WEBHOOK_URL": "https://user:s3cretpw@hooks.example.com/"}),
    ("SLACK_WEBHOOK_URL", {"SLACK_WEBHOOK_URL": "https://hooks.example.com:port/s3cretpw"}),
    ("TEAMS_WEBHOOK_URL", {"TEAMS_WEBHOOK_URL": "https://hooks.example.com/s3cretpw#x"}),
    ("TEAMS_WEBHOOK_URL", {"TEAMS_WEBHOOK_URL": "https://hooks.example.com/s3cretpw\r\nHost: x"}),
    ("NOTICES_CA_FILE", {"NOTICES_CA_FILE": "/nonexistent.pem"}),
    ("NOTICES_CA_FILE", {"NOTICES_CA_FILE": __file__}),
    ("NOTICES_PRIVATE_ADDRESSES", {"NOTICES_PRIVATE_ADDRESSES": "yes"}),
]


@pytest.mark.parametrize(("named", "settings"), WRONG)
def test_wrong_settings_are_named_at_the_start_without_their_secrets(named: str, settings: dict[str, str]) -> None:
    found = problems(**settings)
    assert f"- {named}" in found
    assert "s3cretpw" not in found and SECRET not in found and "x" * 40 not in found


def test_every_reason_has_a_sentence() -> None:
    source = "".join(file.read_text() for file in Path("app/notices/channels").glob("*.py"))
    codes = set(re.findall(r'"(closed|(?:address|certificate|host|login|no|not|private|timed)-[a-z0-9-]+)"', source))
    assert codes <= set(SENTENCES)
    for code in (*SENTENCES, "recipient-550", "content-554", "sender-421", "server-554", "http-503"):
        assert said(code).endswith(".") and "%(" not in said(code)
