"""Force_MFA as data: the tutorial's document, the recommended one, or an administrator's own file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from app.policy.evaluation import PolicyError, compiled
from app.policy.texts import extracted, what_it_is
from app.policy.unwrap import decoded, unwrapped
from app.policy.variants import PUBLISHED, RE_POST
from app.text.messages import N_, _

_FILES = {
    "tutorial": "force_mfa_tutorial.json",
    "recommended": "force_mfa.json",
    **{published.name: f"variants/{published.name}.json" for published in (*PUBLISHED, RE_POST)},
}
VARIANTS = tuple(_FILES)
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
PLACEHOLDER = "accountid"
"""The placeholder for the account ID, as in AWS's tutorial."""

DEAD_ACTIONS = frozenset({"iam:RequestSmsMfaRegistration", "iam:FinalizeSmsMfaRegistration"})
"""Of the retired SMS preview: no operation of the API bears these names any more."""

SIGN_IN_ACTIONS = ("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token")
"""What AWS Sign-In needs: to be granted, and to be exempt from the deny."""

DIFFERENCES = (
    (
        N_("GetAccountPasswordPolicy on *"),
        N_("It supports no other resource. On user/… it grants nothing."),
    ),
    (
        N_("ListVirtualMFADevices on *"),
        N_("It supports no other resource (Service Authorization Reference)."),
    ),
    (
        N_("user/*/${aws:username} as well as user/${aws:username}"),
        N_("The ARN of a user with an IAM path contains the path."),
    ),
    (
        N_("mfa/${aws:username}/* as well as mfa/${aws:username}"),
        N_("Users can have a second device, under the path /USERNAME/."),
    ),
    (
        N_("CreateVirtualMFADevice and DeleteVirtualMFADevice on mfa/… only"),
        N_("They support no other type. Other users’ devices don’t match."),
    ),
    (
        N_("signin:AuthorizeOAuth2Access, signin:CreateOAuth2Token"),
        N_("Users can sign in through AWS Sign-In (aws login), also before MFA."),
    ),
    (
        N_("The deny exempts a list of actions, not iam:*"),
        N_("Before MFA, only what setting up MFA needs works. A stolen key can’t set a password."),
    ),
    (
        N_("DeactivateMFADevice isn’t exempt"),
        N_("Removing a device requires a code. AWS itself requires one as well."),
    ),
    (
        N_("DeleteVirtualMFADevice is exempt"),
        N_("Users can clear their own unfinished setup. A device in use is safe."),
    ),
    (
        N_("ChangePassword is exempt"),
        N_("It requires the current password, and helps users who must change theirs."),
    ),
    (N_("No SMS actions"), N_("AWS retired them in 2019.")),
)
"""How the recommended document differs from the tutorial's, and why: pages translate both."""


def source_text(variant: str) -> str:
    """Return the text of a built-in document."""
    return files("app.policy").joinpath(_FILES[variant]).read_text(encoding="utf-8")


def read(source: str) -> dict[str, Any]:
    """Return the document of a variant name or a file, with its placeholders.

    Raises PolicyError, on one line: no such file, not JSON (with the line number), or not a policy.
    """
    if source in _FILES:
        return read_text(source_text(source), source)
    try:
        text = decoded(Path(source).read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            _(
                "%(name)s is neither a built-in policy (%(names)s) nor a readable file: %(reason)s.",
                name=source,
                names=", ".join(VARIANTS),
                reason=error.strerror if isinstance(error, OSError) else _("it isn’t UTF-8 text"),
            )
        ) from error
    return read_text(text, source)


def read_text(text: str, name: str) -> dict[str, Any]:
    """Return the document in a text. name: what errors call it. Raises PolicyError, as `read` does."""
    try:
        found = unwrapped(json.loads(extracted(text).text))
    except RecursionError as error:
        raise _no_policy(name, _("It is nested too deeply to be a policy.")) from error
    except ValueError as error:
        raise _no_policy(name, *what_it_is(text, error)) from error
    if found.sentence:
        raise _no_policy(name, found.sentence, found.remedy)
    try:
        compiled(found.document)
    except PolicyError as error:
        raise _no_policy(name, str(error)) from error
    return dict(found.document)


def _no_policy(name: str, *sentences: str) -> PolicyError:
    """Return the error of `read`. sentences: what the text is instead, and what to do."""
    return PolicyError(
        _("%(name)s isn’t a policy. %(explanation)s", name=name, explanation=" ".join(filter(None, sentences)))
    )


def statements_of(document: Mapping[str, Any]) -> list[Any]:
    """Return the statements of a document as a list, as IAM reads one or several. Empty if there are none."""
    given = document.get("Statement")
    return [given] if isinstance(given, dict) else given if isinstance(given, list) else []


def texts_of(value: Any) -> list[Any]:
    """Return the values of an element that has one text or a list of them."""
    return value if isinstance(value, list) else [value]


def rendered(document: Mapping[str, Any], account_id: str, partition: str = "aws") -> dict[str, Any]:
    """Return the document for one account, with the placeholder and the partition replaced and nothing else
    changed.
    """

    def put(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(f":{PLACEHOLDER}:", f":{account_id}:").replace("arn:aws:", f"arn:{partition}:")
        if isinstance(value, list):
            return [put(item) for item in value]
        return {key: put(item) for key, item in value.items()} if isinstance(value, dict) else value

    return {key: put(value) for key, value in document.items()}


def without_path(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document for an account without IAM paths: without `user/*/...` patterns."""
    return _thinned(document, lambda element, text: element == "Resource" and ":user/*/" in text)


def without_sign_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document for an account that doesn't use AWS Sign-In: no `signin:` action is allowed or exempt."""
    return _thinned(document, lambda element, text: element.endswith("Action") and text.startswith("signin:"))


def tailored(
    document: Mapping[str, Any], account_id: str, partition: str, no_paths: bool, no_sign_in: bool
) -> dict[str, Any]:
    """Return the document for one account, without the parts that the account doesn't use."""
    if no_paths:
        document = without_path(document)
    if no_sign_in:
        document = without_sign_in(document)
    return rendered(document, account_id, partition)


def accounts_named(document: Mapping[str, Any]) -> set[str]:
    """Return the account IDs in the ARNs of a document."""
    return set(re.findall(r"arn:[a-z-]+:[a-z0-9-]*:[a-z0-9-]*:(\d{12}):", json.dumps(document)))


def _thinned(document: Mapping[str, Any], unwanted: Callable[[str, str], bool]) -> dict[str, Any]:
    """Leave texts out of lists. A statement whose list becomes empty is left out."""
    given = document["Statement"]
    statements = []
    for statement in [given] if isinstance(given, Mapping) else given:
        thinner = {
            element: [text for text in value if not unwanted(element, text)] if isinstance(value, list) else value
            for element, value in statement.items()
        }
        if all(value != [] for value in thinner.values()):
            statements.append(thinner)
    return {**document, "Statement": statements}


def sign_in_client(partition: str, account_id: str, region: str, program: str = "localhost") -> str:
    """Return the ARN that AWS Sign-In is authorized on, for a program on the same machine ("localhost") or another
    ("remote").
    """
    return f"arn:{partition}:signin:{region}:{account_id}:oauth2/public-client/{program}"


def sign_in_statement(account_id: str, partition: str = "aws") -> dict[str, Any]:
    """Return the statement that lets users of an account use AWS Sign-In."""
    found = next(item for item in read("recommended")["Statement"] if SIGN_IN_ACTIONS[0] in item.get("Action", ()))
    return rendered(found, account_id, partition)
