"""SSH keys for CodeCommit: pasted, checked before anything is sent, uploaded, switched off and on, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.private_keys import private_keys
from tests.support.public_keys import (
    arrived,
    ed25519_line,
    follow,
    mark,
    openssh,
    pair,
    pem,
    public_numbers,
    stored,
    tell_tale,
)
from tests.support.sandbox import Sandbox


@pytest.fixture
def surfer(surfing: Surfing, nadia: Employee, clock: Clock, sandbox: Sandbox) -> Iterator[Surfer]:
    """Nadia's browser, with MFA, at the page of SSH keys."""
    yield arrived(surfing(), nadia, clock)
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


def paste(surfer: Surfer, text: str) -> None:
    """Open the form, paste, send."""
    surfer.open("/ssh-keys/new")
    surfer.type(pasted=text)
    surfer.press("Upload it")


def uploads(sandbox: Sandbox, since: int) -> list[dict[str, Any]]:
    """Uploads AWS was asked for."""
    return [call for call in sandbox.calls(since) if call["action"] == "iam:UploadSSHPublicKey"]


@pytest.mark.both_policies
def test_the_life_of_a_key(surfer: Surfer, nadia: Employee, sandbox: Sandbox, portal: Portal) -> None:
    assert "You have no SSH key" in surfer.text
    surfer.press("Upload a key")
    assert "ssh-keygen -t rsa -b 4096 -f ~/.ssh/codecommit_rsa" in surfer.text
    surfer.type(pasted=f"{openssh(pair().public_key(), 'nadia@laptop')}\r\n")
    surfer.press("Upload it")
    (key_id,) = keys_of(nadia)
    assert f"Your key is uploaded: {key_id}" in surfer.text
    assert (
        f"Host git-codecommit.*.amazonaws.com\n  User {key_id}\n  IdentityFile ~/.ssh/codecommit_rsa" in surfer.text
    )
    assert "ssh git-codecommit.us-east-1.amazonaws.com" in surfer.text
    held = sandbox.as_administrator("iam").get_ssh_public_key(
        UserName=nadia.name, SSHPublicKeyId=key_id, Encoding="SSH"
    )["SSHPublicKey"]
    assert held["SSHPublicKeyBody"] == openssh(pair().public_key())
    assert held["Fingerprint"] in surfer.text, "AWS's own, computed here"
    assert "SHA256:" in surfer.text and "2048 bits" in surfer.text

    surfer.press("Deactivate")
    surfer.press("Deactivate this SSH key")
    assert keys_of(nadia) == {key_id: "Inactive"}
    paste(surfer, pem(pair().public_key()))
    assert f"You have this SSH key already: it is {key_id}. It is inactive" in surfer.text
    surfer.open("/ssh-keys")
    surfer.press("Activate again")
    assert keys_of(nadia) == {key_id: "Active"}, "undone"

    follow(surfer, f"Delete {key_id}")
    surfer.press("Delete this SSH key")
    assert keys_of(nadia) == {}
    done = [event for event, phase, _ in portal.activity(nadia.name) if phase == "done"]
    assert done[-4:] == ["ssh-key-uploaded", "ssh-key-deactivated", "ssh-key-activated", "ssh-key-deleted"]
    surfer.open("/activity")
    assert "Uploaded an SSH key" in surfer.text and key_id in surfer.text


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
    surfer.page.on("request", lambda request: sent.append(f"{request.method} {request.post_data or ''}"))
    page = surfer.page
    for kind, secret in private_keys():
        data = secret.encode() if isinstance(secret, str) else secret
        if isinstance(secret, str):
            surfer.type(pasted=secret)
            assert page.get_by_text("Stopped: this is").is_visible(), kind
            assert surfer.value("pasted") == "", kind
        surfer.type(pasted=openssh())
        assert page.get_by_text("Stopped: this is").is_hidden()
        surfer.choose_file("file", "id_rsa", data)
        page.get_by_text("Stopped: this is").wait_for()
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
    page.get_by_text("Stopped: this is").wait_for()
    drop(surfer, openssh(), str(dict(private_keys())["openssh"]))
    page.get_by_text("You dropped several files").wait_for()
    assert page.locator("[name=file]").input_value() == "", "not even the first is taken"
    surfer.inspect()
    assert sent == [], "nothing was sent"

    surfer.type(pasted=ed25519_line())
    assert page.get_by_text("CodeCommit takes RSA keys only: make one").is_visible()
    surfer.press("Upload it")
    assert page.get_by_text("This is an Ed25519 key").is_visible()
    surfer.type(pasted=str(dict(private_keys())["openssh"]))
    assert page.locator("[data-field-error]:visible").all_inner_texts() == [
        page.locator("[data-stopped]").inner_text()
    ]
    assert page.get_by_text("Stopped: this is").is_visible(), "one message at a time"
    dropped = openssh(comment="nadia@laptop")
    drop(surfer, dropped)
    expect(page.locator("[name=pasted]")).to_have_value(re.compile("^ssh-rsa"))
    assert page.get_by_text("CodeCommit takes RSA keys only: make one").is_hidden()
    surfer.press("Upload it")
    assert list(keys_of(nadia).values()) == ["Active"]


def test_words_stay_and_what_is_public_is_left(surfer: Surfer, nadia: Employee) -> None:
    page, secret = surfer.page, str(dict(private_keys())["openssh"])
    surfer.open("/ssh-keys/new")
    surfer.type(pasted=secret)
    assert page.get_by_text("what this prints: ssh-keygen -y -f FILE").is_visible(), "a way on"
    mine = openssh(comment="nadia@laptop")
    surfer.type(pasted=f"{secret}\n{mine}\n")
    assert surfer.value("pasted") == mine
    assert page.get_by_text("What is public was left here").is_visible()
    words = f"{openssh()}\nmy-private-key for codecommit"
    surfer.type(pasted=words)
    assert surfer.value("pasted") == words and page.locator("[data-field-error]:visible").count() == 0
    surfer.press("Upload it")
    assert list(keys_of(nadia).values()) == ["Active"], "the words are no key, and the key is whole"


def test_without_javascript(
    surfing: Surfing, nadia: Employee, clock: Clock, sandbox: Sandbox, portal: Portal
) -> None:
    surfer = arrived(surfing(javascript=False), nadia, clock)
    before = mark(sandbox)
    secrets = list(private_keys())
    for kind, secret in secrets:
        surfer.open("/ssh-keys/new")
        if isinstance(secret, str):
            surfer.type(pasted=f"{openssh()}\n{secret}")
        else:
            surfer.choose_file("file", "id_rsa", secret)
        surfer.press("Upload it")
        assert "exposed" in surfer.text, kind
        assert surfer.value("pasted") == ""
        assert tell_tale(secret) not in surfer.page.content()
    refused = ("ssh-key-uploaded", "refused", "private-key-pasted")
    assert portal.activity(nadia.name).count(refused) >= len(secrets) - 1
    assert keys_of(nadia) == {} and not uploads(sandbox, before)
    everything = portal.log.read_bytes() + stored(portal)
    for kind, secret in secrets:
        assert tell_tale(secret).encode() not in everything, kind

    surfer.open("/activity")
    assert "refused:private-key-pasted" in surfer.outcomes

    hostile = "ssh-rsa AAAA </textarea><h1>no</h1>"
    paste(surfer, hostile)
    assert "cut short or damaged" in surfer.text and surfer.value("pasted") == hostile, "text, and nothing else"
    paste(surfer, ed25519_line())
    assert "This is an Ed25519 key" in surfer.text and surfer.value("pasted").startswith("ssh-ed25519")
    key = public_numbers(4096)
    chosen = ("file", "key.pub", ("\ufeff" + openssh(key)).encode("utf-16-le"), "text/plain")
    surfer.choose_file(*chosen)
    surfer.press("Upload it")
    assert "You sent more than one thing" in surfer.text
    surfer.open("/ssh-keys/new")
    surfer.choose_file(*chosen)
    surfer.press("Upload it")
    (key_id,) = keys_of(nadia)
    assert f"Your key is uploaded: {key_id}" in surfer.text
    paste(surfer, openssh(key))
    assert f"You have this SSH key already: it is {key_id}." in surfer.text, "sent twice"
    assert len(uploads(sandbox, before)) == 1, "AWS was asked once"


def test_five_keys_are_enough(surfer: Surfer, nadia: Employee, sandbox: Sandbox, clock: Clock) -> None:
    ids = [given_key(nadia) for _ in range(5)]
    iam = sandbox.as_administrator("iam")
    iam.update_ssh_public_key(UserName=nadia.name, SSHPublicKeyId=ids[0], Status="Inactive")
    before = mark(sandbox)
    surfer.open("/ssh-keys")
    assert "AWS allows no more, and inactive ones count" in surfer.text
    reads = [call["action"] for call in sandbox.calls(before)]
    assert (reads.count("iam:ListSSHPublicKeys"), reads.count("iam:GetSSHPublicKey")) == (1, 5)
    paste(surfer, openssh())
    assert "You have 5 SSH keys: AWS allows no more" in surfer.text
    assert surfer.value("pasted").startswith("ssh-rsa"), "kept"
    surfer.open(f"/ssh-keys/delete?id={ids[0]}")
    iam.delete_ssh_public_key(UserName=nadia.name, SSHPublicKeyId=ids[0])
    surfer.press("Delete this SSH key")
    assert "AWS does not list that SSH key" in surfer.text, "deleted elsewhere meanwhile"
    surfer.open("/ssh-keys/deactivate?id=APKAEIBAERJR2EXAMPLE")
    assert "AWS does not list that SSH key" in surfer.text, "nobody's, or somebody else's"


def test_aws_throttles_and_falls_silent(
    surfer: Surfer, nadia: Employee, sandbox: Sandbox, portal: Portal, clock: Clock
) -> None:
    line = openssh()
    sandbox.set_faults([{"action": "iam:UploadSSHPublicKey", "occurrences": [1], "fault": "throttle"}])
    paste(surfer, line)
    assert "AWS is busy" in surfer.text and surfer.value("pasted").startswith("ssh-rsa"), "kept"

    sandbox.set_faults([{"action": "iam:UploadSSHPublicKey", "occurrences": [1], "fault": "reset-before"}])
    surfer.press("Upload it")
    assert "AWS did not answer, and does not list the SSH key so far" in surfer.text
    assert keys_of(nadia) == {}
    surfer.open("/ssh-keys")
    assert ("ssh-key-uploaded", "found-undone", "") not in portal.activity(nadia.name), "it might still appear"
    clock.move(40)
    surfer.open("/ssh-keys")
    assert ("ssh-key-uploaded", "found-undone", "") in portal.activity(nadia.name)

    sandbox.set_faults([{"action": "iam:UploadSSHPublicKey", "occurrences": [1], "fault": "reset-after"}])
    paste(surfer, line)
    (key_id,) = keys_of(nadia)
    assert f"Your key is uploaded: {key_id}" in surfer.text, "the page asked AWS what is true"
    assert portal.activity(nadia.name)[-2:] == [
        ("ssh-key-uploaded", "unknown", "no-response"),
        ("ssh-key-uploaded", "found-done", ""),
    ]

    sandbox.set_faults([{"action": "iam:UpdateSSHPublicKey", "occurrences": [1], "fault": "reset-after"}])
    surfer.press("Deactivate")
    surfer.press("Deactivate this SSH key")
    assert keys_of(nadia) == {key_id: "Inactive"} and f"{key_id} is inactive" in surfer.text

    # A list that is older than the upload: nobody concludes that it is not there.
    sandbox.set_faults([{"action": "iam:ListSSHPublicKeys", "occurrences": [2], "fault": "stale-read"}])
    paste(surfer, openssh())
    (newer,) = set(keys_of(nadia)) - {key_id}
    assert "Not listed yet" in surfer.text and newer in surfer.text
    surfer.press("Look again")
    assert "Not listed yet" not in surfer.text and newer in surfer.text


def test_a_deny_is_told_with_the_permission_that_is_missing(
    surfer: Surfer, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    given_key(nadia)
    sandbox.as_administrator("iam").put_user_policy(
        UserName=nadia.name,
        PolicyName="no-keys",
        PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Resource": "*", '
        '"Action": ["iam:UploadSSHPublicKey", "iam:GetSSHPublicKey"]}}',
    )
    surfer.open("/ssh-keys")
    assert "AWS does not let you read this key (iam:GetSSHPublicKey)" in surfer.text
    paste(surfer, openssh())
    assert "The permission that is missing is iam:UploadSSHPublicKey" in surfer.text
    assert len(keys_of(nadia)) == 1
    assert portal.activity(nadia.name)[-1] == ("ssh-key-uploaded", "refused", "not-allowed")
