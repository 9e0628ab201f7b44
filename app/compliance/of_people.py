"""What each rule about a person says. Pure; the table that names them is `app.compliance.rules`."""

from __future__ import annotations

from datetime import timedelta

from app.compliance.subjects import Credential, Key, Subject, Terms
from app.compliance.verdicts import FAIL, PASS, UNKNOWN, Verdict, aged, worst

AT_CREATION = timedelta(minutes=1)
"""A key made this soon after its user came with them."""
ONLY_IN_REPORT = "is only in the credential report, which does not tell of them yet"

# Reached thousands of times in a row, so made once.
_HAS_MFA = Verdict(PASS, "Has an MFA device.")
_HAS_NO_MFA = Verdict(FAIL, "Has no MFA device.")
_TWO_KEYS = Verdict(FAIL, "Two access keys are active.")
_ONE_KEY = Verdict(PASS, "One access key is active.")
_NO_KEY_OF_FIRST_DAY = Verdict(PASS, "No unused access key was made together with the user.")


def mfa(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.mfa:
        return _HAS_MFA
    if someone.mfa is False:
        return _HAS_NO_MFA
    if someone.no_virtual_device and terms.others_at_most is not None:
        why = "Has no virtual MFA device. Some may have another kind: at most {} such devices are in use here."
        return Verdict(UNKNOWN, why, (terms.others_at_most,))
    return Verdict(UNKNOWN, f"Which MFA devices they have {ONLY_IN_REPORT}.")


def mfa_console(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.password is False:
        return None
    verdict = mfa(someone, terms)
    if someone.password or verdict is None or verdict.state is PASS:
        return verdict
    if someone.password_last_used:
        # A password that was used and removed since is rare, and nothing tells of it: say what was seen.
        why = f"{verdict.why} Last signed in with a password on {{}}."
        return verdict._replace(why=why, about=(*verdict.about, someone.password_last_used))
    return Verdict(UNKNOWN, f"Whether they have a console password {ONLY_IN_REPORT}.")


def key_age(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.keys is None:
        return Verdict(UNKNOWN, f"How old their access keys are {ONLY_IN_REPORT}.")
    active = [key for key in someone.keys if key.active]
    if not active:
        return None
    made = [key.created_at for key in active if key.created_at]
    if len(made) < len(active):
        return Verdict(UNKNOWN, "The age of an active access key is not told.")
    return aged(
        min(made),
        terms.key_days,
        terms.now,
        "The oldest active access key is of {}.",
        "An active access key is of {}: {} days old.",
    )


def one_active_key(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.keys is None:
        return Verdict(UNKNOWN, f"How many access keys they have {ONLY_IN_REPORT}.")
    active = sum(key.active for key in someone.keys)
    if not active:
        return None
    if active > 1:
        return _TWO_KEYS
    return _ONE_KEY


def _unused_password(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.password is False:
        return None
    used, limit = someone.password_last_used, timedelta(days=terms.unused_days)
    if used and terms.now <= used + limit:
        return Verdict(PASS, "The password was used on {}.", (used,), used + limit)
    if someone.password is None:
        if used:
            why = f"The password was last used on {{}}; whether there still is one {ONLY_IN_REPORT}."
            return Verdict(UNKNOWN, why, (used,))
        return Verdict(UNKNOWN, f"Whether they have a console password {ONLY_IN_REPORT}.")
    if used:
        return Verdict(FAIL, "The password was last used on {}: {} days ago.", (used, (terms.now - used).days))
    since = someone.password_changed_at
    if someone.password_use_known and since:
        return aged(
            since,
            terms.unused_days,
            terms.now,
            "The password, of {}, was not used yet.",
            "The password, of {}, was not used in {} days.",
        )
    made = someone.created_at
    if made and terms.now <= made + limit:
        return Verdict(PASS, "The user is of {}.", (made,), made + limit)
    return Verdict(UNKNOWN, f"Since when they have their password {ONLY_IN_REPORT}.")


def _unused_key(key: Key, terms: Terms) -> Verdict:
    used, limit = key.used_at, timedelta(days=terms.unused_days)
    if used and terms.now <= used + limit:
        return Verdict(PASS, "An access key was used on {}.", (used,), used + limit)
    if used and key.use_known:
        return Verdict(FAIL, "An access key was last used on {}: {} days ago.", (used, (terms.now - used).days))
    made = key.created_at
    if made and terms.now <= made + limit:
        return Verdict(PASS, "An access key is of {}.", (made,), made + limit)
    if made and key.use_known:
        why = "An access key of {} was never used, in {} days."
        return Verdict(FAIL, why, (made, (terms.now - made).days))
    return Verdict(UNKNOWN, f"When an access key was last used {ONLY_IN_REPORT}.")


def unused(someone: Subject, terms: Terms) -> Verdict | None:
    found = []
    password = _unused_password(someone, terms)
    if password:
        found.append(password)
    if someone.keys is None:
        found.append(Verdict(UNKNOWN, f"When their access keys were last used {ONLY_IN_REPORT}."))
    else:
        found += [_unused_key(key, terms) for key in someone.keys if key.active]
    return worst(found)


def key_at_creation(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.password is False:
        return None
    if someone.keys is None or someone.password is None:
        return Verdict(UNKNOWN, f"Whether they have access keys and a password {ONLY_IN_REPORT}.")
    for key in someone.keys:
        if not key.active or key.used_at:
            continue
        if someone.created_at is None or key.created_at is None:
            return Verdict(UNKNOWN, "When the user or an access key was made is not known.")
        if abs(key.created_at - someone.created_at) <= AT_CREATION:
            if not key.use_known:
                return Verdict(UNKNOWN, f"Whether the key made with the user was ever used {ONLY_IN_REPORT}.")
            return Verdict(
                FAIL, "An access key was made together with the user on {} and never used.", (key.created_at,)
            )
    return _NO_KEY_OF_FIRST_DAY


def _credentials(
    held: tuple[Credential, ...] | None, days: int, terms: Terms, what: str, unknown: str
) -> Verdict | None:
    if held is None:
        return Verdict(UNKNOWN, unknown)
    return worst([_credential(each, days, terms, what) for each in held if each.active])


def _credential(each: Credential, days: int, terms: Terms, what: str) -> Verdict:
    if each.expires_at and terms.now >= each.expires_at:
        return Verdict(FAIL, f"{what} expired on {{}}.", (each.expires_at,))
    if each.created_at is None:
        return Verdict(UNKNOWN, f"The age of {what[0].lower()}{what[1:]} is not told.")
    verdict = aged(each.created_at, days, terms.now, f"{what} is of {{}}.", f"{what} is of {{}}: {{}} days old.")
    ends = [moment for moment in (verdict.until, each.expires_at) if moment]
    return verdict if verdict.state is FAIL else verdict._replace(until=min(ends))


def certificate_age(someone: Subject, terms: Terms) -> Verdict | None:
    unknown = f"Which signing certificates they have {ONLY_IN_REPORT}."
    return _credentials(someone.certificates, terms.certificate_days, terms, "An active signing certificate", unknown)


def ssh_key_age(someone: Subject, terms: Terms) -> Verdict | None:
    unknown = "Which SSH public keys they have, AWS tells only them: it will be known once they visit this portal."
    return _credentials(someone.ssh_keys, terms.ssh_days, terms, "An active SSH public key", unknown)


def within_reach(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.path == "/":
        return None
    if terms.path_blind:
        why = "The path {} keeps the policy from reaching them: they cannot look after their own credentials."
        return Verdict(FAIL, why, (someone.path,))
    return Verdict(PASS, "The policy reaches users with the path {}.", (someone.path,))


def signed_in(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.password is False:
        return None
    if someone.password_last_used:
        return Verdict(PASS, "Last signed in with a password on {}.", (someone.password_last_used,))
    if someone.password is None or not someone.password_use_known:
        return Verdict(UNKNOWN, f"Never seen signing in; whether they have a console password {ONLY_IN_REPORT}.")
    if someone.created_at is None:
        return Verdict(UNKNOWN, "When the user was made is not known.")
    return aged(
        someone.created_at,
        terms.first_sign_in_days,
        terms.now,
        "The user is of {} and has not signed in yet.",
        "The user is of {} and has not signed in in {} days.",
    )
