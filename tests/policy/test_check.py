"""`policy check`: what it finds where, and that it finds nothing where nothing is wrong."""

from __future__ import annotations

import json
import re
import sys
from bisect import bisect
from copy import deepcopy
from types import FrameType
from typing import Any

import pytest

from app.policy.check.all_checks import check, check_attached
from app.policy.check.findings import Finding, Severity
from app.policy.check.parse import grammar_problems
from app.policy.check.report import Report, as_text
from app.policy.documents import VARIANTS, read, rendered, source_text, without_path, without_sign_in
from app.policy.features import EXTRAS, FEATURES
from app.policy.plain_words import in_words
from app.policy.portal_actions import live_actions
from app.policy.reference.actions import nearest, real_name, reference_date
from app.policy.variants import PUBLISHED, RE_POST

Document = dict[str, Any]
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def told(report: Report) -> list[tuple[str, str, int | None]]:
    """(code, subject, statement) of each finding."""
    return [(finding.code, finding.subject, finding.place.statement) for finding in report.findings]


def codes(document: Document) -> set[str]:
    return {finding.code for finding in check(json.dumps(document)).findings}


def changed(variant: str, *path: str | int, to: Any) -> Document:
    """A published document with one thing in it replaced."""
    document = deepcopy(read(variant))
    inside: Any = document["Statement"]
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = to
    return document


TUTORIAL = [
    # the number in the table of what is known of the 2017 policy against today's AWS
    (1, "resource-unsupported", ERROR, "iam:GetAccountPasswordPolicy", 1, "Resource"),
    (6, "iam-spared", ERROR, "", 4, "NotAction"),
    (8, "retired-action", WARNING, "iam:RequestSmsMfaRegistration", 3, "Action"),
    (8, "retired-action", WARNING, "iam:FinalizeSmsMfaRegistration", 3, "Action"),
    (2, "resource-undocumented", WARNING, "iam:ListVirtualMFADevices", 2, "Resource"),
    (6, "key-makes-password", WARNING, "iam:CreateLoginProfile", 1, None),
    (7, "device-removable", WARNING, "iam:DeactivateMFADevice", 3, None),
    (5, "path-shut-out", WARNING, "iam:ListMFADevices", None, None),
    (9, "feature-missing", NOTE, "aws-sign-in", None, None),
    (4, "feature-missing", NOTE, "further-device", None, None),
]


def test_half_a_character_is_told() -> None:
    for text in ('{"Statement": {"Sid": "\\ud800"}}', '{"\\udfff": 1}'):
        (finding,) = check(text).findings
        assert finding.code == "not-json" and "half of one" in finding.sentence


def test_the_tutorials_document_has_exactly_the_known_defects() -> None:
    report = check(source_text("tutorial"))
    found = [
        (each.code, each.severity, each.subject, each.place.statement, each.place.element) for each in report.findings
    ]
    assert found == [row[1:] for row in TUTORIAL]
    assert report.usable and report.size < 6144


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_nothing_is_found_in_the_recommended_document(partition: str) -> None:
    for text in (source_text("recommended"), json.dumps(rendered(read("recommended"), "111122223333", partition))):
        report = check(text)
        assert report.findings == [] and report.usable
        assert report.likeness and report.likeness.name == "recommended" and report.likeness.same


AFTER_2017 = {("first-sign-in", "iam:ChangePassword"), ("path-shut-out", "iam:ListMFADevices")}
NO_SIGN_IN = {
    ("feature-missing", "aws-sign-in"),
    ("feature-late", "change-password"),
    ("feature-late", "password-rules"),
}
ONE_DEVICE = {("feature-missing", "further-device")}
LATE_RESTART = {("feature-late", "restart-enrollment")}
SINCE_2019 = {
    ("feature-missing", code) for code in ("account-alias", "set-password", "remove-password", "account-overview")
}
NOT_DELETED = {("feature-missing", "restart-enrollment"), ("feature-missing", "give-up-device")}
OF_VARIANTS: dict[str, set[tuple[str, str]]] = {
    "2017-12": {("resource-undocumented", "iam:ListVirtualMFADevices")} | AFTER_2017 | NO_SIGN_IN | ONE_DEVICE,
    "2018-02": AFTER_2017 | NO_SIGN_IN | ONE_DEVICE,
    "2018-11": AFTER_2017 | NO_SIGN_IN | ONE_DEVICE | LATE_RESTART,
    "2019-01": AFTER_2017 | NO_SIGN_IN | ONE_DEVICE | LATE_RESTART | SINCE_2019,
    "2021-05": AFTER_2017 | NO_SIGN_IN | ONE_DEVICE | LATE_RESTART | SINCE_2019,
    "2022-11": AFTER_2017 | NO_SIGN_IN | SINCE_2019 | NOT_DELETED,
    "2023-11": AFTER_2017 | NO_SIGN_IN | SINCE_2019 | NOT_DELETED,
}


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
def test_what_aws_published_is_recognized_and_judged(published: Any) -> None:
    report = check(json.dumps(rendered(read(published.name), "111122223333")))
    assert {(code, subject) for code, subject, _ in told(report)} == OF_VARIANTS[published.name]
    assert report.usable and report.likeness
    assert (report.likeness.name, report.likeness.same) == (published.name, True)
    assert published.date.endswith(published.name[:4]) and published.source and published.change


def test_the_deny_of_re_post_forces_mfa_and_grants_nothing() -> None:
    report = check(source_text(RE_POST.name))
    assert not report.usable and RE_POST.source and RE_POST.change
    assert [(each.code, each.subject) for each in report.findings if each.severity is ERROR] == [
        ("feature-missing", "")
    ]
    assert {each.code for each in report.findings if each.severity is WARNING} == {"deny-narrowed", "first-sign-in"}
    beside = {"Sid": "Granted", "Effect": "Allow", "Action": ["ec2:*", "iam:List*"], "Resource": "*"}
    document = read(RE_POST.name)
    document["Statement"].append(beside)
    assert not {"mfa-not-demanded", "deny-leaves-out", "action-spared"} & codes(document)


def find(document: Document, code: str, subject: str = "") -> Finding:
    """The one finding of this code, and subject where given."""
    report = check(json.dumps(document))
    [finding] = [each for each in report.findings if each.code == code and subject in (each.subject, "")]
    return finding


def test_an_action_the_reference_does_not_know_is_a_warning_that_says_from_when_it_is() -> None:
    actions = [
        "iam:ListMFADevice" if a == "iam:ListMFADevices" else a for a in read("recommended")["Statement"][1]["Action"]
    ]
    document = changed("recommended", 1, "Action", to=actions)
    finding = find(document, "unknown-action")
    assert (finding.severity, finding.place.statement, finding.place.element) == (WARNING, 1, "Action")
    assert finding.place.sid == "AllowEveryoneToManageTheirOwnCredentials"
    assert f"AWS’s reference of {reference_date():%-d %B %Y}" in finding.sentence
    assert "iam:ListMFADevice" in finding.sentence
    lost = find(document, "feature-missing", "see-devices")
    assert lost.severity is ERROR
    assert lost.remedy.startswith('Allow "iam:ListMFADevices" on "arn:aws:iam::accountid:user/${aws:username}".')
    report = check(json.dumps(document))
    assert not report.usable and report.likeness and not report.likeness.same
    assert "allows iam:listmfadevice on arn:aws:iam::accountid:user/${aws:username}" in report.likeness.more
    assert "allows iam:ListMFADevices on arn:aws:iam::accountid:user/${aws:username}" in report.likeness.less


@pytest.mark.parametrize(
    "unknown", ["iam:PutUserPolicies", "iam:CreateVirtualMFADevices", "iamm:*", "new:Action", "s3:Gte*"]
)
def test_what_it_does_not_know_never_leads_to_another_permission(unknown: str) -> None:
    for document in (
        changed("recommended", 0, "Action", to=[*read("recommended")["Statement"][0]["Action"], unknown]),
        changed("recommended", 3, "Action", to=unknown),
    ):
        [finding] = [each for each in check(json.dumps(document)).findings if each.code == "unknown-action"]
        assert finding.severity is WARNING and finding.subject == unknown
        assert set(re.findall(r"[a-z0-9-]+:[A-Za-z*?]+", finding.sentence + finding.remedy)) == {unknown}


def test_what_the_deny_does_not_spare_is_told_with_the_place_to_spare_it() -> None:
    spared = [a for a in read("recommended")["Statement"][4]["NotAction"] if a != "iam:EnableMFADevice"]
    lost = find(changed("recommended", 4, "NotAction", to=spared), "feature-late", "enroll")
    assert lost.remedy == (
        'Add "iam:EnableMFADevice" to NotAction of statement 4 (DenyAllButGettingMFAUnlessSignedInWithMFA).'
    )
    denied = read("recommended")
    denied["Statement"].append({"Sid": "No", "Effect": "Deny", "Action": "iam:Resync*", "Resource": "*"})
    lost = find(denied, "feature-missing", "resync")
    assert lost.remedy == 'Take "iam:ResyncMFADevice" out of what statement 5 (No) denies.'


DENY = 4
DANGERS: list[tuple[str, Document]] = [
    ("mfa-not-demanded", {**read("recommended"), "Statement": read("recommended")["Statement"][:DENY]}),
    (
        "mfa-not-demanded",
        changed("recommended", DENY, "Condition", to={"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
    ),
    ("iam-spared", changed("recommended", DENY, "NotAction", to=["iam:*", "signin:*"])),
    ("key-makes-password", changed("recommended", DENY, "NotAction", to=["iam:*"])),
    ("device-removable", changed("recommended", DENY, "NotAction", to=["iam:*MFA*"])),
    ("others-devices", changed("recommended", 2, "Resource", to="arn:aws:iam::accountid:mfa/*")),
    ("first-sign-in", changed("recommended", DENY, "NotAction", to=["iam:*MFA*"])),
    ("path-shut-out", without_path(read("recommended"))),
    (
        "elsewhere",
        changed(
            "recommended", 2, "Resource", to=["arn:aws:iam::111111111111:mfa/x", "arn:aws-cn:iam::accountid:mfa/x"]
        ),
    ),
]


@pytest.mark.parametrize(("code", "document"), DANGERS, ids=[code for code, _ in DANGERS])
def test_every_known_danger_is_seen_and_told_with_a_remedy(code: str, document: Document) -> None:
    report = check(json.dumps(document))
    found = [finding for finding in report.findings if finding.code == code]
    assert found and all(finding.sentence and finding.remedy for finding in found)
    assert all(finding.severity is not NOTE for finding in found)


def test_doing_without_sign_in_and_paths_costs_just_these() -> None:
    lean = without_sign_in(without_path(read("recommended")))
    assert codes(lean) == {"path-shut-out", "feature-missing"}


DENY_ALL = '{"Effect": "Deny", "Action": "*", "Resource": "*"}'
NOW = '"Version": "2012-10-17"'
GRAMMAR: list[tuple[str, str, str]] = [
    ("", "not-json", "not JSON"),
    ("{", "not-json", "not JSON"),
    ("[" * 100_000, "not-json", "nested too deeply"),
    ("[]", "grammar", "JSON object"),
    ("{}", "grammar", "no Statement"),
    (f'{{{NOW}, "Statement": []}}', "grammar", "no Statement"),
    (f'{{"Version": "2013", "Statement": {DENY_ALL}}}', "grammar", "Version"),
    (f'{{{NOW}, "Extra": 1, "Statement": {DENY_ALL}}}', "grammar", "'Extra'"),
    (f'{{{NOW}, "Statement": [{DENY_ALL.replace("Deny", "deny")}, 7]}}', "grammar", "Effect"),
    (f'{{{NOW}, "Statement": {DENY_ALL.replace("}", ", ")}"Sid": "a b"}}}}', "grammar", "Sid"),
    (f'{{{NOW}, "Version": "2008-10-17", "Statement": {DENY_ALL}}}', "repeated-element", "'Version'"),
]


@pytest.mark.parametrize(("text", "code", "words"), GRAMMAR)
def test_what_iam_would_refuse(text: str, code: str, words: str) -> None:
    report = check(text)
    assert not report.usable
    assert any(finding.code == code and words in finding.sentence for finding in report.findings)


REFUSED = [
    ({"Sid": "Own-0"}, "Statement IDs (SID) must be alpha-numeric."),
    ({"Effect": "allow"}, "Syntax errors in policy."),
    ({"Action": "ListUsers"}, "Actions/Conditions must be prefaced by a vendor"),
    ({"Action": []}, "Policy statement must contain actions."),
    ({"Resource": "user/alice"}, 'Resource user/alice must be in ARN format or "*".'),
    ({"Resource": "arn:aws:*"}, "Resource vendor must be fully qualified and cannot contain regexes."),
    ({"Condition": {"StringIs": {"a": "b"}}}, "Invalid Condition type : StringIs."),
]


@pytest.mark.parametrize(("elements", "words"), REFUSED)
def test_what_iam_refuses_is_told_in_its_own_words_too(elements: dict[str, Any], words: str) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", **elements}
    [problem] = grammar_problems({"Version": "2012-10-17", "Statement": [statement]})
    assert problem.iam.startswith(words) and problem.place.statement == 0 and problem.sentence and problem.remedy
    assert grammar_problems(read("recommended")) == []


def test_every_broken_statement_is_told_not_the_first_alone() -> None:
    document = read("recommended")
    document["Statement"][1]["Effect"] = "Alow"
    document["Statement"][3]["Resource"] = "user/x"
    document["Statement"][2]["Sid"] = document["Statement"][0]["Sid"]
    report = check(json.dumps(document))
    assert [finding.place.statement for finding in report.findings] == [1, 2, 3]


def test_variables_in_a_policy_of_the_old_version_match_nobody() -> None:
    report = check(json.dumps(read("recommended") | {"Version": "2008-10-17"}))
    assert not report.usable
    assert [code for code, _, _ in told(report)][:3] == ["variables-not-replaced"] * 2 + ["feature-missing"]


def test_size_is_counted_as_iam_does() -> None:
    document = read("recommended")
    size = check(json.dumps(document, indent=8)).size
    assert size == check(json.dumps(document)).size == len("".join(json.dumps(rendered(document, "1" * 12)).split()))
    document["Statement"][0]["Action"] += [f"iam:{'x' * 100}{number}" for number in range(60)]
    report = check(json.dumps(document))
    assert report.size > 6144 and "too-long" in {finding.code for finding in report.findings}


def hostile(most: int) -> str:
    """A document of at most so many characters that gives the judge much to do."""

    def written(number: int) -> str:
        patterns = [f"iam:*e*{each}" for each in range(number)]
        patterns += [f"iam:Lst{each}Usrs" for each in range(number // 4)]
        resources = [f"arn:aws:iam::*:{'*u' * 20}{each}" for each in range(number // 8)]
        allowed = {"Effect": "Allow", "Action": patterns, "Resource": resources}
        return json.dumps({"Version": "2012-10-17", "Statement": [allowed]}, separators=(",", ":"))

    return written(bisect(range(most // 10), most, key=lambda number: len(written(number))) - 1)


def work(text: str) -> tuple[Report, int]:
    """What is said of a document, also in plain words, and how many calls of our functions that took."""
    calls = 0

    def seen(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and "/app/policy/" in frame.f_code.co_filename

    sys.setprofile(seen)
    try:
        report = check(text)
        if report.policy:
            in_words(report.policy)
    finally:
        sys.setprofile(None)
    return report, calls


def test_a_hostile_document_is_judged_and_one_that_iam_would_not_take_is_not() -> None:
    report, calls = work(hostile(6_100))
    assert len(report.findings) > 200 and report.features
    assert calls < 400_000, "a tenth of a second"
    report, calls = work(hostile(100_000))
    assert [finding.code for finding in report.findings] == ["too-long"]
    assert not report.usable and report.policy is None
    assert calls < 100_000, "reading it is all"


def test_text_and_json_say_the_same() -> None:
    report = check(source_text("tutorial"))
    text, data = "\n".join(as_text(report)), report.as_json()
    assert json.loads(json.dumps(data))["usable"] is True
    for finding in data["findings"]:
        assert f"{finding['severity'].upper()} {finding['code']}" in text and finding["sentence"] in text
    for feature in data["features"]:
        assert any(feature["title"] in line and line.endswith(feature["works"]) for line in text.splitlines())


def test_a_policy_that_an_account_has_need_not_force_mfa() -> None:
    """One that only grants isn't faulted for what Force_MFA does. One that should force MFA, and doesn't, is."""
    grants = {"Effect": "Allow", "Action": ["s3:GetObjekt", "iam:PassRole", "lambda:CreateFunction"], "Resource": "*"}
    plain = json.dumps({"Version": "2012-10-17", "Statement": [grants]})
    kept = [finding.code for finding in check_attached(plain).findings]
    assert set(kept) == {"any-role", "unknown-action"}
    assert {"mfa-not-demanded", "feature-missing"} <= {finding.code for finding in check(plain).findings}
    wrong = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:multiFactorAuthPresent": "no"}},
    }
    meant = json.dumps({"Version": "2012-10-17", "Statement": [grants, wrong]})
    assert check_attached(meant).findings == check(meant).findings


def test_the_table_of_features_asks_for_actions_the_portal_may_call() -> None:
    needed = {need.action for feature in (*FEATURES, *EXTRAS) for need in (*feature.needs, *feature.and_with_mfa)}
    assert needed - {"signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"} == live_actions()
    assert all(real_name(action) == action for action in needed)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("iam:ListMFADevice", "iam:ListMFADevices"),
        ("iam:EnableMfaDevices", "iam:EnableMFADevice"),
        ("iamm:ListUsers", "iam:ListUsers"),
        ("iam:Xyzzy", None),
        (f"iam:{'A' * 5000}", None),
    ],
)
def test_the_nearest_real_action(wrong: str, right: str | None) -> None:
    assert nearest(wrong) == right


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_document_that_comes_along_is_known_by_name(variant: str) -> None:
    report = check(source_text(variant))
    assert report.likeness and report.likeness.name == variant
