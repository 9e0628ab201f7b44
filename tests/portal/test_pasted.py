"""What people paste and type: whatever it is, it is taken for what it is or refused in a sentence."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
import zxcvbn.feedback
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from zxcvbn.matching import L33T_TABLE, enumerate_l33t_subs, relevant_l33t_subtable

from app.access_keys.forms import SavedForm
from app.access_keys.service import LAST_CHARACTERS
from app.aws.passwords import DEFAULT_POLICY, PasswordPolicy
from app.password.rules import LONGEST, broken, rules
from app.password.service import MOST_READINGS, REASONS, TOO_WEAK, strength, truncate_for_zxcvbn
from app.sessions.contents import PendingAwsSignIn, Person
from app.signin.aws_service import InvalidVerificationCode, read_verification_code
from app.signin.forms import AccessKeyForm
from app.text.messages import _
from app.text.typed import code as digits_of
from app.web.forms import CodeForm
from app.web.responses import local_path

pytestmark = pytest.mark.usefixtures("bare")
PENDING = PendingAwsSignIn("client", "https://x/y", "the-state", "verifier", datetime.now(UTC), False)
L33T_SIGNS = sorted({sign for signs in L33T_TABLE.values() for sign in signs})
ANYTHING = st.text(max_size=300)
BLANKS = st.text(alphabet=" \t\r\n\u00a0", max_size=3)


@pytest.fixture(scope="module")
def application() -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="x" * 40, WTF_CSRF_ENABLED=False)
    return app


@pytest.fixture(scope="module")
def bare(application: Flask) -> Iterator[None]:
    with application.test_request_context(method="POST"):
        yield


@given(ANYTHING)
@example("=" * 50)
@example("ÿ")
def test_a_verification_code_is_read_or_refused(pasted: str) -> None:
    try:
        code = read_verification_code(pasted, PENDING)
    except InvalidVerificationCode as refusal:
        assert str(refusal)
    else:
        assert 0 < len(code) <= 512


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=512), st.data())
def test_a_verification_code_survives_how_it_is_copied(code: str, data: st.DataObject) -> None:
    shown = base64.b64encode(urlencode({"state": "the-state", "code": code}).encode()).decode()
    at = data.draw(st.integers(0, len(shown)))
    pasted = data.draw(BLANKS) + shown[:at] + data.draw(BLANKS) + shown[at:] + data.draw(BLANKS)
    assert read_verification_code(pasted, PENDING) == code


@given(ANYTHING, ANYTHING)
def test_a_key_is_taken_for_a_key_or_told_what_it_is(key_id: str, secret: str) -> None:
    form = AccessKeyForm(MultiDict({"access_key_id": key_id, "secret_access_key": secret}))
    if form.validate():
        assert re.fullmatch(r"AKIA[A-Z0-9]{16}", form.access_key_id.data)
        assert re.fullmatch(r"[A-Za-z0-9/+=]{40}", form.secret_access_key.data)
    elif form.secret_access_key.errors:
        assert secret in said_of(key_id, "x" * 39) or secret not in str(form.errors), "no secret comes back"


def said_of(key_id: str, secret: str) -> str:
    """What the form says about this key: its words, such as "key", may be what was pasted as another secret."""
    form = AccessKeyForm(MultiDict({"access_key_id": key_id, "secret_access_key": secret}))
    form.validate()
    return str(form.errors)


@given(st.from_regex(r"[A-Za-z0-9/+]{40}", fullmatch=True), st.integers(LAST_CHARACTERS, 40), BLANKS, BLANKS)
def test_the_end_of_a_secret_however_much_of_it_was_pasted(
    secret: str, how_much: int, before: str, after: str
) -> None:
    form = SavedForm(MultiDict({"last_characters": before + secret[-how_much:] + after}))
    form.offer([])
    assert form.validate(), form.errors
    assert form.last_characters.data == secret[-LAST_CHARACTERS:]


@given(ANYTHING)
def test_the_end_of_a_secret_is_six_characters_or_nothing(pasted: str) -> None:
    form = SavedForm(MultiDict({"last_characters": pasted}))
    form.offer([])
    if form.validate():
        assert re.fullmatch(rf"[A-Za-z0-9/+=]{{{LAST_CHARACTERS}}}", form.last_characters.data)


@given(ANYTHING)
def test_a_code_is_six_digits_or_nothing(typed: str) -> None:
    form = CodeForm(MultiDict({"code": typed, "serial_number": "one"}))
    form.offer(["one"])
    assert form.validate() == bool(re.fullmatch(r"[0-9]{6}", digits_of(typed)))


POLICIES = st.one_of(
    st.just(DEFAULT_POLICY),
    st.builds(PasswordPolicy, st.integers(6, 128), st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)


@given(POLICIES, st.text(max_size=140))
@example(DEFAULT_POLICY, "Aa\n45678")
def test_the_page_ticks_off_what_the_portal_takes(policy: PasswordPolicy, password: str) -> None:
    for rule in rules(policy):
        ticked = bool(re.search(rule.pattern, password, re.DOTALL))  # as the page does, flag s
        assert ticked == rule.kept(password) == (rule.words not in broken(policy, password)), rule.words


@given(POLICIES, st.text(alphabet=st.characters(min_codepoint=256), min_size=1))
@example(DEFAULT_POLICY, "Price-in-€-42")
def test_letters_aws_does_not_take_are_told(policy: PasswordPolicy, password: str) -> None:
    assert any("emoji" in words for words in broken(policy, password))
    assert any("emoji" in words for words in broken(None, password)), "whatever the account asks"


@given(POLICIES, st.text(min_size=LONGEST + 1, max_size=LONGEST + 20))
def test_no_rule_takes_more_than_aws_does(policy: PasswordPolicy, password: str) -> None:
    assert broken(policy, password)


@pytest.mark.parametrize("password", ["4@8({[<3691!|7$5+%20" * 4, "".join(L33T_SIGNS), "a1!i|l" * 12])
def test_no_password_takes_long_to_judge(password: str) -> None:
    readings = enumerate_l33t_subs(relevant_l33t_subtable(truncate_for_zxcvbn(password), L33T_TABLE))
    assert len(readings) <= MOST_READINGS


def test_what_is_hidden_behind_many_signs_is_found_all_the_same() -> None:
    olga = Person("123456789012", "olga", "/", "aws", False, datetime.now(UTC), user_id="AIDAOLGA")
    for weak in ("P@$$w0rd!", "1L0v3y0u", "4dm1n15tr4t0r"):
        assert strength(olga, weak).score < TOO_WEAK, weak
    assert strength(olga, "Turquoise-otter-42-lamp").score >= TOO_WEAK


def test_every_reason_zxcvbn_gives_has_words_of_ours() -> None:
    """Read from its source, so that a reason added by a later version is noticed."""
    source = ast.parse(Path(zxcvbn.feedback.__file__).read_text())
    texts = [
        node.value
        for node in ast.walk(source)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    ]
    warnings = {text for text in texts if re.search(r"easy to guess\.|password\.|harder to guess than", text)}
    assert warnings == set(REASONS)


def test_a_weak_password_is_refused_with_a_reason() -> None:
    olga = Person("123456789012", "olga", "/", "aws", False, datetime.now(UTC), user_id="AIDAOLGA")
    assert strength(olga, "password").why == "It’s one of the ten most common passwords."
    assert strength(olga, "qwertyuiop[]").why == "Rows of keys next to each other are easy to guess."
    for text in REASONS.values():
        assert _(text) == text and text.endswith(".")


@given(st.text(alphabet=st.sampled_from("4@8({[<3691!|7$5+%20ab "), max_size=128))
def test_however_many_signs_there_are(password: str) -> None:
    readings = enumerate_l33t_subs(relevant_l33t_subtable(truncate_for_zxcvbn(password), L33T_TABLE))
    assert len(readings) <= MOST_READINGS


@given(ANYTHING)
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
def test_a_page_to_come_back_to_is_ours(target: str) -> None:
    path = local_path(target, "/")
    assert path.startswith("/") and not path.startswith(("//", "/\\")) and not re.search(r"[\x00-\x20\\]", path)
