"""What the pages about the policy ask of app.policy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.policy.documents import VARIANTS, read, tailored
from app.policy.features import When, usual_resource
from app.policy.parsed import ParsedPolicy
from app.policy.render import FORMATS, Setup
from app.text.messages import N_

if TYPE_CHECKING:
    from app.policy.check.report import Report
    from app.policy.explain import Explanation, Question
    from app.policy.plain_words import Words

CONFIGURED = "configured"
"""The document the portal is set up for, beside those that come along."""
DOCUMENTS = (CONFIGURED, *VARIANTS)


WHEN = {
    When.BEFORE.name: (N_("Before MFA"), "check-circle", "good"),
    When.WITH.name: (N_("Only with MFA"), "lock-closed", "info"),
    When.ONLY_BEFORE.name: (N_("Only before MFA"), "exclamation-triangle", "warn"),
    When.NEVER.name: (N_("Doesn’t work"), "x-circle", "bad"),
}
"""Name of a `When` to its label on pages, icon and tone."""


@dataclass(frozen=True)
class Written:
    """A rendered file."""

    text: str
    file_name: str
    media_type: str


@dataclass(frozen=True)
class Wish:
    """What to render. managed: names or ARNs, separated by blanks or commas."""

    document: str
    account_id: str
    form: str
    group: str
    managed: str
    test_user: bool
    without_path: bool
    without_sign_in: bool


def document_of(name: str, configured: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return one of DOCUMENTS."""
    return configured if name == CONFIGURED else read(name)


def write(wish: Wish, configured: Mapping[str, Any], partition: str) -> Written:
    """Render the policy. Raises NotRenderable."""
    document = tailored(
        document_of(wish.document, configured), wish.account_id, partition, wish.without_path, wish.without_sign_in
    )
    managed = tuple(filter(None, re.split(r"[\s,]+", wish.managed)))
    setup = Setup(document, wish.account_id, partition, wish.group, managed, wish.test_user)
    form = FORMATS[wish.form]
    return Written(form.write(setup), form.file_name, form.media_type)


def report_on(configured: Mapping[str, Any]) -> Report:
    """Check the document in force."""
    return check(json.dumps(configured))


def check(text: str) -> Report:
    """Check a document. The checks are loaded when they are needed: few requests need them."""
    from app.policy.check import all_checks  # noqa: PLC0415 # see above

    return all_checks.check(text)


def asked(policy: ParsedPolicy, user_name: str, path: str, action: str, resource: str, way: str) -> Question:
    """Return the question whether a user may do something. resource: "" for the one the action usually has."""
    from app.policy.explain import Question  # noqa: PLC0415 # few requests need it

    return Question(user_name, action, resource or usual_resource(policy, action, user_name, path), way, path)


def try_it(policy: ParsedPolicy, question: Question) -> Explanation:
    """Decide whether an action is allowed, and say why."""
    from app.policy.explain import explain  # noqa: PLC0415 # as above

    return explain(policy, question)


def in_words(policy: ParsedPolicy) -> list[Words]:
    """Return what a policy says, in words."""
    from app.policy import plain_words  # noqa: PLC0415 # as above

    return plain_words.in_words(policy)
