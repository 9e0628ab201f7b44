"""Authorization details, imported: on whom MFA is forced, and whose policies they tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from app.compliance.data import details_data, updates
from app.compliance.data.account_data import ensure_account_row, locked, read_account
from app.compliance.data.details import details_of
from app.compliance.data.details_formats import NotDetails
from app.compliance.data.details_rows import Details
from app.compliance.data.details_updates import judge_stored, keep_details
from app.compliance.data.models import CompliancePerson, CompliancePolicyDocument
from app.compliance.data.queries import findings_of, person
from app.compliance.rules.subjects import Terms
from app.compliance.rules.verdicts import Verdict
from app.policy.documents import read, rendered
from tests.compliance.test_report import MADE, hour, says, shows, stored, terms_of, user_list
from tests.support.details import ACCOUNT, ALLOW, EDGE, IAM, NOW, attached, group, managed, user

FORCE = rendered(read("recommended"), ACCOUNT)
"""The recommended policy: everything but setting up MFA is denied without it."""


def told(at: datetime, *users: dict[str, Any], without: str = "", **lists: Any) -> Details:
    """Details with two groups: all but IAM is allowed in both, and in "forced" the recommended policy forces MFA."""
    groups = [group("forced", "Force_MFA", "all"), group("free", "all")]
    everything = {**ALLOW, "Statement": [{"Sid": "All", "Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}
    policies = [managed("Force_MFA", FORCE), managed("all", everything), managed("edge", FORCE)]
    page = {"UserDetailList": users, "GroupDetailList": groups, "Policies": policies, **lists}
    page = {
        name: [each for each in entries if not each["Arn"].endswith(f"/{without}")] for name, entries in page.items()
    }
    return details_of([page], at)


ALICE = user("alice", GroupList=["forced"])
BOB = user("bob", GroupList=["free"], CreateDate="2026-01-02T10:00:00+00:00")


def verdict(engine: Engine, name: str) -> Verdict:
    """What the page of a user shows of the rule."""
    with engine.connect() as connection:
        account, row = read_account(connection, ACCOUNT), person(connection, ACCOUNT, name)
        assert account and row
        (found,) = [
            each for each in findings_of(connection, account, row, Terms(NOW)) if each.rule.id == "mfa-forced"
        ]
    return found.verdict


def refused(engine: Engine, details: Details, why: str, named: str = "") -> None:
    before = stored(engine)
    with pytest.raises(NotDetails) as no:
        keep_details(engine, details, NOW, terms_of)
    assert no.value.diagnosis == why and named in str(no.value) and str(no.value).endswith("Nothing was changed.")
    assert stored(engine) == before


def test_on_whom_mfa_is_forced(engine: Engine) -> None:
    carol = user("carol", UserPolicyList=[{"PolicyName": "reads", "PolicyDocument": ALLOW}])
    dave = user("dave", GroupList=["free", "forced"])
    erin = user("erin", GroupList=["free"], PermissionsBoundary=EDGE)
    assert keep_details(engine, told(hour(9), ALICE, BOB, carol, dave, erin, user("frank")), NOW, terms_of) == 6
    found = says(engine, "mfa-forced")
    assert found["alice"] == found["dave"] == found["frank"] == "pass", "a deny counts, wherever it is from"
    assert found["bob"] == found["carol"] == "fail"
    assert found["erin"] == "pass", "the boundary forces it"
    free = verdict(engine, "bob").sentence
    assert "statement All of policy all" in free and "group free" in free
    own = verdict(engine, "carol").sentence
    assert "s3:" in own and "statement Reads of policy reads" in own and "group" not in own


def test_what_the_details_lack_is_unknown_unless_it_cannot_matter(engine: Engine) -> None:
    away = [{"PolicyName": "away", "PolicyArn": f"{IAM}:policy/away"}]
    people = (
        user("alice", GroupList=["forced"], AttachedManagedPolicies=away, PermissionsBoundary=EDGE),
        user("bob", GroupList=["free"], AttachedManagedPolicies=away),
        user("carol", AttachedManagedPolicies=attached("ReadOnlyAccess", owner="aws")),
        user("dave", GroupList=["gone"]),
        user("erin", GroupList=["free"], PermissionsBoundary={"PermissionsBoundaryArn": f"{IAM}:policy/away"}),
    )
    keep_details(engine, told(hour(9), *people), NOW, terms_of)
    found = says(engine, "mfa-forced")
    assert found["alice"] == "pass", "whatever it allows, the boundary denies it without MFA"
    assert found["bob"] == found["carol"] == found["dave"] == found["erin"] == "unknown"
    assert "policy/away" in verdict(engine, "bob").sentence and "--filter" in verdict(engine, "bob").sentence
    assert "arn:aws:iam::aws:policy/ReadOnlyAccess" in verdict(engine, "carol").sentence
    assert "group gone" in verdict(engine, "dave").sentence


def test_a_policy_that_we_cannot_read_is_unknown(engine: Engine) -> None:
    odd = {"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps", "Action": "*", "Resource": "*"}]}
    carol = user("carol", UserPolicyList=[{"PolicyName": "odd", "PolicyDocument": odd}])
    keep_details(engine, told(hour(9), ALICE, carol), NOW, terms_of)
    assert says(engine, "mfa-forced") == {"alice": "pass", "carol": "unknown"}
    assert "odd" in verdict(engine, "carol").sentence


def test_details_that_are_old_foreign_or_not_complete_change_nothing(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob", "carol", "dave"))
    refused(engine, told(hour(9), ALICE, BOB), "incomplete", " 2 ")
    user_list(engine, hour(8), {}, ("alice", "bob"))
    keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of)
    refused(engine, told(hour(8), ALICE, BOB), "older", "1 September 2026, 09:00")
    refused(engine, told(NOW + timedelta(hours=2), ALICE, BOB), "future")
    assert keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of) == 2, "the same once more is harmless"


def test_a_verdict_is_as_old_as_the_details(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"))
    assert says(engine, "mfa-forced") == {"alice": "unknown", "bob": "unknown"}
    keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of)
    user_list(engine, hour(10), {}, ("alice", "bob", "new"), made={"new": hour(9), "bob": MADE["bob"]})
    assert says(engine, "mfa-forced") == {"alice": "pass", "bob": "fail", "new": "unknown"}
    assert "1 September 2026" in verdict(engine, "new").sentence
    later = Terms(NOW + timedelta(days=91))
    with locked(engine, ACCOUNT) as account:
        updates.judge_one(account, "bob", lambda others: later)
    assert says(engine, "mfa-forced")["bob"] == "unknown", "older evidence no longer counts"


def test_details_of_an_old_user_do_not_count_for_a_new_one_of_that_name(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"), ids={"alice": ALICE["UserId"], "bob": BOB["UserId"]})
    keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of)
    shows(engine, "alice", "AIDA9", mfa=(hour(10).isoformat(), []))
    user_list(engine, hour(11), {}, ("alice", "bob"), ids={"alice": "AIDA9", "bob": "AIDA8"}, made={"bob": hour(10)})
    assert says(engine, "mfa-forced") == {"alice": "unknown", "bob": "unknown"}
    keep_details(engine, told(hour(10), ALICE, BOB), NOW, terms_of)
    assert says(engine, "mfa-forced") == {"alice": "unknown", "bob": "unknown"}, "still of the former ones"
    new = (
        user("alice", GroupList=["free"], UserId="AIDA9"),
        user("bob", UserId="AIDA8", CreateDate=hour(10).isoformat()),
    )
    keep_details(engine, told(hour(12), *new), NOW, terms_of)
    assert says(engine, "mfa-forced") == {"alice": "fail", "bob": "pass"}


def test_another_id_is_another_user_even_if_the_time_is_the_same(engine: Engine) -> None:
    user_list(engine, hour(8), {}, ("alice", "bob"), ids={"bob": BOB["UserId"]})
    keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of)
    assert says(engine, "mfa-forced")["bob"] == "fail"
    user_list(engine, hour(10), {}, ("alice", "bob"), ids={"alice": ALICE["UserId"], "bob": "AIDA7"})
    assert says(engine, "mfa-forced") == {"alice": "pass", "bob": "unknown"}


def test_a_new_user_in_newer_details_is_another_than_the_one_known(engine: Engine) -> None:
    user_list(engine, hour(8), {"alice": 1}, ("alice", "bob"), ids={"alice": "AIDA1"})
    assert says(engine, "mfa")["alice"] == "pass"
    keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of)
    assert says(engine, "mfa")["alice"] == "unknown", "the device was the former user's"
    assert says(engine, "mfa-forced")["alice"] == "pass"


def test_details_tell_who_is_there(engine: Engine) -> None:
    keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of)
    user_list(engine, hour(8), {}, ("alice", "carol"))
    assert set(says(engine, "mfa")) == {"alice", "bob", "carol"}, "an earlier list does not remove bob"
    keep_details(engine, told(hour(10), ALICE, user("carol")), NOW, terms_of)
    assert set(says(engine, "mfa")) == {"alice", "carol"}, "newer details do"
    user_list(engine, hour(11), {}, ("alice",))
    keep_details(engine, told(hour(10), ALICE, user("carol")), NOW, terms_of)
    assert set(says(engine, "mfa")) == {"alice"}, "earlier details bring nobody back"


def test_documents_are_kept_once_and_only_the_latest(engine: Engine) -> None:
    own = [{"PolicyName": "reads", "PolicyDocument": ALLOW}]
    first = told(hour(9), ALICE, *(user(f"user{number}", UserPolicyList=own) for number in range(20)))
    keep_details(engine, first, NOW, terms_of)
    with engine.connect() as connection:
        assert details_data.read(connection, ACCOUNT) == first
        count = select(func.count()).select_from(CompliancePolicyDocument)
        assert connection.execute(count).scalar_one() == 3
    latest = told(hour(10), *(user(f"user{number}", GroupList=["forced"]) for number in range(20)))
    keep_details(engine, latest, NOW, terms_of)
    with engine.connect() as connection:
        assert details_data.read(connection, ACCOUNT) == latest
        assert connection.execute(count).scalar_one() == 2
        assert details_data.read(connection, "210987654321") is None


def test_stored_details_are_judged_again_by_a_newer_judge(engine: Engine) -> None:
    keep_details(engine, told(hour(9), ALICE, BOB), NOW, terms_of)
    with locked(engine, ACCOUNT) as account:
        earlier = {"user_id": BOB["UserId"], "created": None, "state": "pass", "unexplored": [], "request": None}
        account.connection.execute(
            update(CompliancePerson).where(CompliancePerson.user_name == "bob").values(forced=earlier)
        )
        assert account.row.details
        account.change(details={**account.row.details, "judged_by": 0})
    judge_stored(engine, ACCOUNT, terms_of)
    assert says(engine, "mfa-forced") == {"alice": "pass", "bob": "fail"}
    judge_stored(engine, "210987654321", terms_of)


def test_an_account_without_details_has_a_row_as_before(engine: Engine) -> None:
    ensure_account_row(engine, ACCOUNT)
    with engine.connect() as connection:
        row = read_account(connection, ACCOUNT)
    assert row and row.details is None and row.details_at is None
