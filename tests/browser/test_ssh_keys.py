"""SSH keys for CodeCommit: pasted, checked before anything is sent, uploaded, switched off and on, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.errors import NotAllowed, Throttled
from app.public_keys.pasted import PastedTextRefused, Pkcs12Pasted, PrivateKeyPasted
from app.public_keys.service import KeyAlreadyUploaded, TooManyPublicKeys, UploadOutcomeUnknown
from app.public_keys.ssh import read_ssh_key
from app.public_keys.ssh_refusals import MAKE_ONE, WrongKeyType
from tests.browser.conftest import Surfing, Visiting
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.private_keys import private_keys
from tests.support.public_keys import (
    ed25519_line,
    openssh,
    pair,
    pem,
    public_numbers,
    stored,
    tell_tale,
)
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


@pytest.fixture
def surfer(surfing: Surfing, nadia: Employee) -> Surfer:
    """Nadia's browser, with MFA, at the page of SSH keys."""
    opened = surfing()
    opened.arrive_with_mfa(nadia, at="/ssh-keys")
    return opened


@pytest.fixture
def reader(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> Iterator[Reader]:
    """The same, where nothing depends on what it looks like."""
    opened = visiting()
    opened.arrive_with_mfa(nadia, at="/ssh-keys")
    yield opened
    sandbox.set_faults([])


def keys_of(employee: Employee) -> dict[str, str]:
    """Key ids to status, as AWS has them."""
    listed = employee.sandbox.as_administrator("iam").list_ssh_public_keys(UserName=employee.name)
    return {key["SSHPublicKeyId"]: key["Status"] for key in listed["SSHPublicKeys"]}


def given_key(employee: Employee, body: str = "") -> str:
    """Uploaded elsewhere; its id."""
    iam = employee.sandbox.as_administrator("iam")
    made = iam.upload_ssh_public_key(UserName=employee.name, SSHPublicKeyBody=body or openssh())
    return str(made["SSHPublicKey"]["SSHPublicKeyId"])


def paste(surfer: Surfer | Reader, text: str) -> None:
    """Open the form, paste, send."""
    surfer.open("/ssh-keys/new")
    surfer.submit("/ssh-keys/new", pasted=text)


def uploaded(surfer: Surfer | Reader, key_id: str) -> bool:
    """Does the list say that it is there now?"""
    return (surfer.path, surfer.notices) == ("/ssh-keys", ["success"]) and f"active:{key_id}" in surfer.states


def deactivate(surfer: Surfer | Reader, key_id: str) -> None:
    """From the list of keys. Nothing is asked, since it can be undone."""
    surfer.submit(f"/ssh-keys/deactivate?id={key_id}")


def uploads(sandbox: Sandbox, since: int) -> list[dict[str, Any]]:
    """Uploads AWS was asked for."""
    return [call for call in sandbox.calls(since) if call["action"] == "iam:UploadSSHPublicKey"]


@pytest.mark.both_policies
def test_the_life_of_a_key(
    browser_of_policy: Surfer | Reader, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    surfer = browser_of_policy
    surfer.arrive_with_mfa(nadia, at="/ssh-keys")
    assert surfer.states == ["room"], "and no key"
    surfer.follow("/ssh-keys/new")
    assert surfer.at("#make-one") == MAKE_ONE
    surfer.submit("/ssh-keys/new", pasted=f"{openssh(pair().public_key(), 'nadia@laptop')}\r\n")
    (key_id,) = keys_of(nadia)
    assert uploaded(surfer, key_id)
    config, trying = (surfer.at(f"#{name}-{key_id}") for name in ("config", "try"))
    assert config == f"Host git-codecommit.*.amazonaws.com\n  User {key_id}\n  IdentityFile ~/.ssh/codecommit_rsa"
    assert trying == "ssh git-codecommit.us-east-1.amazonaws.com"
    held = sandbox.as_administrator("iam").get_ssh_public_key(
        UserName=nadia.name, SSHPublicKeyId=key_id, Encoding="SSH"
    )["SSHPublicKey"]
    assert held["SSHPublicKeyBody"] == openssh(pair().public_key())
    shown = surfer.row_text(key_id)
    assert held["Fingerprint"] in shown, "AWS's own, computed here"
    assert read_ssh_key(held["SSHPublicKeyBody"]).sha256 in shown and "2048" in shown

    surfer.open(f"/ssh-keys/deactivate?id={key_id}")
    assert keys_of(nadia) == {key_id: "Active"}, "the page only says what it means"
    surfer.submit("/ssh-keys/deactivate")
    assert keys_of(nadia) == {key_id: "Inactive"}
    surfer.click("[data-notice] button")
    assert keys_of(nadia) == {key_id: "Active"}, "undone"
    deactivate(surfer, key_id)
    assert keys_of(nadia) == {key_id: "Inactive"}
    paste(surfer, pem(pair().public_key()))
    assert surfer.refused_as == f"{KeyAlreadyUploaded.code}:inactive" and key_id in surfer.text
    surfer.open("/ssh-keys")
    surfer.submit(f"/ssh-keys/activate?id={key_id}")
    assert keys_of(nadia) == {key_id: "Active"}, "undone"

    surfer.follow(f"/ssh-keys/delete?id={key_id}")
    surfer.submit("/ssh-keys/delete")
    assert keys_of(nadia) == {}
    done = [event for event, phase, _ in portal.activity(nadia.name) if phase == "done"]
    switched = ["ssh-key-deactivated", "ssh-key-activated"] * 2
    assert done[-6:] == ["ssh-key-uploaded", *switched, "ssh-key-deleted"]
    surfer.open("/activity")
    assert key_id in surfer.at("[data-event=ssh-key-uploaded]")


def said(page: Page) -> list[str]:
    """Codes of what the form says is wrong with what is in it."""
    shown = page.locator("[data-field-error]:visible").all()
    return [each.get_attribute("data-field-error") or "" for each in shown]


STOPPED = "[data-stopped][data-field-error^='private-key:']:visible"


def drop(surfer: Surfer, *texts: str) -> None:
    """Files dropped on the form."""
    surfer.page.evaluate(
        """texts => {
          const carried = new DataTransfer();
          for (const text of texts) carried.items.add(new File([text], "codecommit_rsa.pub"));
          document.querySelector("[name=pasted]").dispatchEvent(
            new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        list(texts),
    )


def test_a_private_key_never_leaves_the_page(surfer: Surfer, nadia: Employee, sandbox: Sandbox) -> None:
    sent: list[str] = []
    surfer.open("/ssh-keys/new")
    surfer.listen("request", lambda request: sent.append(f"{request.method} {request.post_data or ''}"))
    page = surfer.page
    for kind, secret in private_keys():
        data = secret.encode() if isinstance(secret, str) else secret
        if isinstance(secret, str):
            surfer.type(pasted=secret)
            assert page.locator(STOPPED).is_visible(), kind
            assert surfer.value("pasted") == "", kind
        surfer.type(pasted=openssh())
        assert said(page) == []
        surfer.choose_file("file", "id_rsa", data)
        page.locator(STOPPED).wait_for()
        assert page.locator("[name=file]").input_value() == "", kind
    # Chosen, or set by the browser itself, and sent at once: it is looked at first.
    surfer.type(pasted="")
    page.evaluate(
        """secret => {
          const files = new DataTransfer();
          files.items.add(new File([secret], "id_rsa"));
          document.querySelector("[name=file]").files = files.files;
          document.querySelector("form[data-public-key]").requestSubmit();
        }""",
        str(dict(private_keys())["openssh"]),
    )
    page.locator(STOPPED).wait_for()
    drop(surfer, openssh(), str(dict(private_keys())["openssh"]))
    page.locator("[data-field-error=several-files]").wait_for()
    assert page.locator("[name=file]").input_value() == "", "not even the first is taken"
    surfer.inspect()
    assert sent == [], "nothing was sent"

    surfer.type(pasted=ed25519_line())
    assert said(page) == ["wrong-key-type"]
    surfer.submit("/ssh-keys/new")
    assert surfer.refused_as == f"{WrongKeyType.code}:ed25519"
    assert said(page) == [surfer.refused_as]
    surfer.type(pasted=str(dict(private_keys())["openssh"]))
    assert page.locator(STOPPED).is_visible()
    assert said(page) == ["private-key:ssh-key"], "one message at a time"
    dropped = openssh(comment="nadia@laptop")
    drop(surfer, dropped)
    expect(page.locator("[name=pasted]")).to_have_value(re.compile("^ssh-rsa"))
    assert said(page) == []
    surfer.submit("/ssh-keys/new")
    assert list(keys_of(nadia).values()) == ["Active"]


def test_words_stay_and_what_is_public_is_left(surfer: Surfer, nadia: Employee) -> None:
    page, secret = surfer.page, str(dict(private_keys())["openssh"])
    surfer.open("/ssh-keys/new")
    surfer.type(pasted=secret)
    assert "ssh-keygen -y -f FILE" in page.locator(STOPPED).inner_text(), "a way on"
    mine = openssh(comment="nadia@laptop")
    surfer.type(pasted=f"{secret}\n{mine}\n")
    assert surfer.value("pasted") == mine
    assert said(page) == ["private-key:left"]
    words = f"{openssh()}\nmy-private-key for codecommit"
    surfer.type(pasted=words)
    assert surfer.value("pasted") == words and said(page) == []
    surfer.submit("/ssh-keys/new")
    assert list(keys_of(nadia).values()) == ["Active"], "the words are no key, and the key is whole"


def test_without_javascript(
    surfing: Surfing, reader: Reader, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    before = sandbox.mark()
    secrets = list(private_keys())
    for kind, secret in secrets:
        reader.open("/ssh-keys/new")
        if isinstance(secret, str):
            reader.submit("/ssh-keys/new", pasted=f"{openssh()}\n{secret}")
        else:
            reader.choose_file("file", "id_rsa", secret)
            reader.submit("/ssh-keys/new")
        assert reader.refused_as in (PrivateKeyPasted.code, Pkcs12Pasted.code), kind
        assert reader.value("pasted") == ""
        assert tell_tale(secret) not in reader.html
    refused = ("ssh-key-uploaded", "refused", "private-key-pasted")
    assert portal.activity(nadia.name).count(refused) >= len(secrets) - 1
    assert keys_of(nadia) == {} and not uploads(sandbox, before)
    everything = portal.log.read_bytes() + stored(portal)
    for kind, secret in secrets:
        assert tell_tale(secret).encode() not in everything, kind

    reader.open("/activity")
    assert "refused:private-key-pasted" in reader.outcomes

    surfer = surfing(javascript=False)
    surfer.continue_from(reader, at="/ssh-keys/new")
    hostile = "ssh-rsa AAAA </textarea><h1>no</h1>"
    paste(surfer, hostile)
    assert surfer.refused_as == f"{PastedTextRefused.code}:cut-short"
    assert surfer.value("pasted") == hostile, "text, and nothing else"
    paste(surfer, ed25519_line())
    assert surfer.refused_as == f"{WrongKeyType.code}:ed25519"
    assert surfer.value("pasted").startswith("ssh-ed25519")
    key = public_numbers(4096)
    chosen = ("file", "key.pub", ("\ufeff" + openssh(key)).encode("utf-16-le"), "text/plain")
    surfer.choose_file(*chosen)
    surfer.submit("/ssh-keys/new")
    assert surfer.refused_as == f"{PastedTextRefused.code}:several-things"
    surfer.open("/ssh-keys/new")
    surfer.choose_file(*chosen)
    surfer.submit("/ssh-keys/new")
    (key_id,) = keys_of(nadia)
    assert uploaded(surfer, key_id)
    paste(surfer, openssh(key))
    assert surfer.refused_as == KeyAlreadyUploaded.code and key_id in surfer.text, "sent twice"
    assert len(uploads(sandbox, before)) == 1, "AWS was asked once"


def test_five_keys_are_enough(reader: Reader, nadia: Employee, sandbox: Sandbox, clock: Clock) -> None:
    ids = [given_key(nadia) for _ in range(5)]
    iam = sandbox.as_administrator("iam")
    iam.update_ssh_public_key(UserName=nadia.name, SSHPublicKeyId=ids[0], Status="Inactive")
    before = sandbox.mark()
    reader.open("/ssh-keys")
    assert "full" in reader.states
    reads = [call["action"] for call in sandbox.calls(before)]
    assert (reads.count("iam:ListSSHPublicKeys"), reads.count("iam:GetSSHPublicKey")) == (1, 5)
    paste(reader, openssh())
    assert reader.refused_as == TooManyPublicKeys.code
    assert reader.value("pasted").startswith("ssh-rsa"), "kept"
    reader.open(f"/ssh-keys/delete?id={ids[0]}")
    iam.delete_ssh_public_key(UserName=nadia.name, SSHPublicKeyId=ids[0])
    reader.submit("/ssh-keys/delete")
    assert reader.refused_as == "not-listed", "deleted elsewhere meanwhile"
    reader.open("/ssh-keys/deactivate?id=APKAEIBAERJR2EXAMPLE")
    assert reader.refused_as == "not-listed", "nobody's, or somebody else's"


def test_aws_throttles_and_falls_silent(
    reader: Reader, nadia: Employee, sandbox: Sandbox, portal: Portal, clock: Clock
) -> None:
    line = openssh()
    sandbox.set_faults([{"action": "iam:UploadSSHPublicKey", "occurrences": [1], "fault": "throttle"}])
    paste(reader, line)
    assert reader.refused_as == Throttled.code and reader.value("pasted").startswith("ssh-rsa"), "kept"

    sandbox.set_faults([{"action": "iam:UploadSSHPublicKey", "occurrences": [1], "fault": "reset-before"}])
    reader.submit("/ssh-keys/new")
    assert reader.refused_as == UploadOutcomeUnknown.code
    assert keys_of(nadia) == {}
    reader.open("/ssh-keys")
    assert ("ssh-key-uploaded", "found-undone", "") not in portal.activity(nadia.name), "it might still appear"
    clock.move(40)
    reader.open("/ssh-keys")
    assert ("ssh-key-uploaded", "found-undone", "") in portal.activity(nadia.name)

    sandbox.set_faults([{"action": "iam:UploadSSHPublicKey", "occurrences": [1], "fault": "reset-after"}])
    paste(reader, line)
    (key_id,) = keys_of(nadia)
    assert uploaded(reader, key_id), "the page asked AWS what is true"
    assert portal.activity(nadia.name)[-2:] == [
        ("ssh-key-uploaded", "unknown", "no-response"),
        ("ssh-key-uploaded", "found-done", ""),
    ]

    sandbox.set_faults([{"action": "iam:UpdateSSHPublicKey", "occurrences": [1], "fault": "reset-after"}])
    deactivate(reader, key_id)
    assert keys_of(nadia) == {key_id: "Inactive"} and f"inactive:{key_id}" in reader.states
    assert reader.notices == ["success"]

    # A list that is older than the upload: nobody concludes that it is not there.
    sandbox.set_faults([{"action": "iam:ListSSHPublicKeys", "occurrences": [2], "fault": "stale-read"}])
    paste(reader, openssh())
    (newer,) = set(keys_of(nadia)) - {key_id}
    assert f"not-listed-yet:{newer}" in reader.states
    reader.follow(f"/ssh-keys?new={newer}")
    assert f"not-listed-yet:{newer}" not in reader.states and f"active:{newer}" in reader.states


def test_a_deny_is_told_with_the_permission_that_is_missing(
    reader: Reader, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    key_id = given_key(nadia)
    sandbox.as_administrator("iam").put_user_policy(
        UserName=nadia.name,
        PolicyName="no-keys",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Resource": "*", '
        '"Action": ["iam:UploadSSHPublicKey", "iam:GetSSHPublicKey"]}}',
    )
    reader.open("/ssh-keys")
    assert reader.row(key_id)["data-unread"] == "iam:GetSSHPublicKey"
    paste(reader, openssh())
    assert reader.refused_as == NotAllowed.code and "iam:UploadSSHPublicKey" in reader.text, "what is missing"
    assert len(keys_of(nadia)) == 1
    assert portal.activity(nadia.name)[-1] == ("ssh-key-uploaded", "refused", "not-allowed")
