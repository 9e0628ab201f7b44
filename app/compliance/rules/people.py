"""The rules about users: how each judges, and at the end of the file the table of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.compliance.rules.rule import Cis, Rule
from app.compliance.rules.subjects import Credential, Key, Seen, Subject, Terms
from app.compliance.rules.verdicts import FAIL, PASS, UNKNOWN, Fix, Verdict, aged, fresh, passed, worst

AT_CREATION = timedelta(minutes=1)
"""A key created this soon after its user was created with them."""
ONLY_IN_REPORT = "is only in the credential report, which does not tell of them yet"

# These verdicts are reached thousands of times in a row, so they are made once.
_HAS_MFA = Verdict(PASS, "Has an MFA device.")
_HAS_NO_MFA = Verdict(FAIL, "Has no MFA device.")
_TWO_KEYS = Verdict(FAIL, "Two access keys are active.")
_ONE_KEY = Verdict(PASS, "One access key is active.")
_NO_KEY_OF_FIRST_DAY = Verdict(PASS, "No unused access key was made together with the user.")
_DELETE_UNUSED_KEY = Fix("access_keys.index", "Delete the access key you do not use")


def mfa(someone: Subject, terms: Terms) -> Verdict | None:
    return fresh(_mfa(someone, terms), terms, someone.seen.get("mfa"))


def _mfa(someone: Subject, terms: Terms) -> Verdict:
    if someone.mfa:
        return _HAS_MFA
    if someone.mfa is False:
        return _HAS_NO_MFA
    if someone.mfa_doubt:
        return Verdict(UNKNOWN, someone.mfa_doubt)
    if someone.no_virtual_device and terms.others_at_most is not None:
        why = "Has no virtual MFA device. Some may have another kind: at most {} such devices are in use here."
        return Verdict(UNKNOWN, why, (terms.others_at_most,))
    return Verdict(UNKNOWN, f"Which MFA devices they have {ONLY_IN_REPORT}.")


def mfa_console(someone: Subject, terms: Terms) -> Verdict | None:
    seen = someone.seen
    if someone.password is False:
        return fresh(None, terms, seen.get("password"))
    verdict = mfa(someone, terms)
    if verdict is None or verdict.state is PASS:
        return verdict
    if someone.password:
        return fresh(verdict, terms, seen.get("password"))
    if someone.password_last_used:
        # A password that was used and removed since is rare, and no source shows it: say what was seen.
        why = f"{verdict.why} Last signed in with a password on {{}}."
        told = verdict._replace(why=why, about=(*verdict.about, someone.password_last_used))
        return fresh(told, terms, seen.get("password_last_used"))
    return Verdict(UNKNOWN, f"Whether they have a console password {ONLY_IN_REPORT}.")


def key_age(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.keys is None:
        return Verdict(UNKNOWN, f"How old their access keys are {ONLY_IN_REPORT}.")
    return fresh(_key_age(someone.keys, someone.seen.get("keys"), terms), terms, someone.seen.get("keys"))


def _key_age(keys: Sequence[Key], seen: Seen | None, terms: Terms) -> Verdict | None:
    active = [key for key in keys if key.active]
    if not active:
        return None
    made = [key.created_at for key in active if key.created_at]
    if len(made) < len(active):
        return Verdict(UNKNOWN, "The age of an active access key is not told.")
    return aged(
        min(made),
        terms.key_days,
        terms.now,
        "The oldest active access key was created on {}.",
        "An active access key was created on {} and is {} days old.",
        seen,
    )


def one_active_key(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.keys is None:
        return Verdict(UNKNOWN, f"How many access keys they have {ONLY_IN_REPORT}.")
    active = sum(key.active for key in someone.keys)
    verdict = _TWO_KEYS if active > 1 else _ONE_KEY if active else None
    return fresh(verdict, terms, someone.seen.get("keys"))


def _used(what: str, used: datetime, seen: Seen | None, terms: Terms) -> Verdict:
    """The verdict on a credential that was used: recently, too long ago, or unknown since then."""
    limit = used + timedelta(days=terms.unused_days)
    if terms.now <= limit:
        return Verdict(PASS, f"{what} was used on {{}}.", (used,), limit)
    if seen and seen.at <= limit:
        why = f"{what} was last used on {{}}, according to data collected on {{}}. It may have been used since."
        return Verdict(UNKNOWN, why, (used, seen.at))
    ago = passed(used, terms.unused_days, terms.now)
    return Verdict(FAIL, f"{what} was last used on {{}}, {{}} days ago.", (used, ago))


def _unused_password(someone: Subject, terms: Terms) -> Verdict | None:
    seen = someone.seen.get("password_last_used")
    used, limit = someone.password_last_used, timedelta(days=terms.unused_days)
    if someone.password is False:
        return fresh(None, terms, someone.seen.get("password"))
    if used and terms.now <= used + limit:
        return fresh(_used("The password", used, seen, terms), terms, seen)
    if someone.password is None:
        if used:
            why = f"The password was last used on {{}}; whether there still is one {ONLY_IN_REPORT}."
            return Verdict(UNKNOWN, why, (used,))
        return Verdict(UNKNOWN, f"Whether they have a console password {ONLY_IN_REPORT}.")
    if used:
        return fresh(_used("The password", used, seen, terms), terms, seen, someone.seen.get("password"))
    since = someone.password_changed_at
    if someone.password_use_known and since:
        verdict = aged(
            since,
            terms.unused_days,
            terms.now,
            "The password was set on {} and was not used yet.",
            "The password was set on {} and was not used in {} days.",
            seen,
        )
        return fresh(verdict, terms, seen, someone.seen.get("password"))
    made = someone.created_at
    if made and terms.now <= made + limit:
        return Verdict(PASS, "The user was created on {}.", (made,), made + limit)
    return Verdict(UNKNOWN, f"When the password was set {ONLY_IN_REPORT}.")


def _unused_key(key: Key, seen: Seen | None, terms: Terms) -> Verdict:
    used, limit = key.used_at, timedelta(days=terms.unused_days)
    if used and (key.use_known or terms.now <= used + limit):
        return _used("An access key", used, seen, terms)
    made = key.created_at
    if made and terms.now <= made + limit:
        return Verdict(PASS, "An access key was created on {}.", (made,), made + limit)
    if made and key.use_known:
        still, never = "An access key was created on {}.", "An access key created on {} was not used in {} days."
        return aged(made, terms.unused_days, terms.now, still, never, seen)
    return Verdict(UNKNOWN, f"When an access key was last used {ONLY_IN_REPORT}.")


def unused(someone: Subject, terms: Terms) -> Verdict | None:
    found = []
    password = _unused_password(someone, terms)
    if password:
        found.append(password)
    keys = _unused_keys(someone, terms)
    if keys:
        found.append(keys._replace(fix=_DELETE_UNUSED_KEY) if keys.state is FAIL else keys)
    return worst(found)


def _unused_keys(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.keys is None:
        return Verdict(UNKNOWN, f"When their access keys were last used {ONLY_IN_REPORT}.")
    listed, use = someone.seen.get("keys"), someone.seen.get("key_use")
    return fresh(worst([_unused_key(key, use, terms) for key in someone.keys if key.active]), terms, listed, use)


def key_at_creation(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.password is False:
        return fresh(None, terms, someone.seen.get("password"))
    seen = [someone.seen.get(name) for name in ("password", "keys", "key_use")]
    return fresh(_key_at_creation(someone), terms, *seen)


def _key_at_creation(someone: Subject) -> Verdict:
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
    uploaded: tuple[Credential, ...] | None, seen: Seen | None, days: int, terms: Terms, what: str, unknown: str
) -> Verdict | None:
    if uploaded is None:
        return Verdict(UNKNOWN, unknown)
    found = worst([_credential(each, seen, days, terms, what) for each in uploaded if each.active])
    return fresh(found, terms, seen)


def _credential(each: Credential, seen: Seen | None, days: int, terms: Terms, what: str) -> Verdict:
    if each.expires_at and terms.now >= each.expires_at:
        if seen and seen.at < each.expires_at:
            why = f"{what} expired on {{}}, according to data collected on {{}}. It may have been removed since."
            return Verdict(UNKNOWN, why, (each.expires_at, seen.at))
        return Verdict(FAIL, f"{what} expired on {{}}.", (each.expires_at,))
    if each.created_at is None:
        return Verdict(UNKNOWN, f"We don’t know when {what[0].lower()}{what[1:]} was uploaded.")
    still, too_old = f"{what} was uploaded on {{}}.", f"{what} was uploaded on {{}} and is {{}} days old."
    verdict = aged(each.created_at, days, terms.now, still, too_old, seen)
    ends = [moment for moment in (verdict.until, each.expires_at) if moment]
    return verdict._replace(until=min(ends)) if verdict.state is PASS else verdict


def certificate_age(someone: Subject, terms: Terms) -> Verdict | None:
    unknown, seen = f"Which signing certificates they have {ONLY_IN_REPORT}.", someone.seen.get("certificates")
    what = "An active signing certificate"
    return _credentials(someone.certificates, seen, terms.certificate_days, terms, what, unknown)


def ssh_key_age(someone: Subject, terms: Terms) -> Verdict | None:
    unknown = "Which SSH public keys they have, AWS tells only them: it will be known once they visit this portal."
    seen = someone.seen.get("ssh_keys")
    return _credentials(someone.ssh_keys, seen, terms.ssh_days, terms, "An active SSH public key", unknown)


def within_reach(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.path == "/":
        return None
    if terms.path_blind:
        why = "The path {} keeps the policy from reaching them: they cannot look after their own credentials."
        return fresh(Verdict(FAIL, why, (someone.path,)), terms, someone.seen.get("user"))
    verdict = Verdict(PASS, "The policy reaches users with the path {}.", (someone.path,))
    return fresh(verdict, terms, someone.seen.get("user"))


def signed_in(someone: Subject, terms: Terms) -> Verdict | None:
    password, seen = someone.seen.get("password"), someone.seen.get("password_last_used")
    if someone.password is False:
        return fresh(None, terms, password)
    if someone.password_last_used:
        verdict = Verdict(PASS, "Last signed in with a password on {}.", (someone.password_last_used,))
        return fresh(verdict, terms, seen)
    if someone.password is None or not someone.password_use_known:
        return Verdict(UNKNOWN, f"Never seen signing in; whether they have a console password {ONLY_IN_REPORT}.")
    since = someone.password_changed_at or someone.created_at
    if since is None:
        return Verdict(UNKNOWN, "We don’t know when the password was set.")
    what = "The password was set on {}" if someone.password_changed_at else "The user was created on {}"
    never = f"{what} and has not been used to sign in yet."
    late = f"{what}, and nobody has signed in with it in {{}} days."
    if not someone.password_changed_at:
        never, late = f"{what} and has not signed in yet.", f"{what} and has not signed in for {{}} days."
    return fresh(aged(since, terms.first_sign_in_days, terms.now, never, late, seen), terms, password, seen)


_SET_UP_MFA = Fix("overview.index", "Set up an MFA device")
RULES: tuple[Rule, ...] = (
    Rule("mfa", "Everyone has MFA",
         "Every IAM user has an MFA device of some kind. Under Force_MFA nobody does anything else without one.",
         mfa, ("mfa",),
         fix=_SET_UP_MFA, short="no MFA", group="mfa-all"),
    Rule("mfa-console", "MFA for everyone with a console password",
         "Every user who can sign in to the console with a password has MFA.",
         mfa_console, ("password", "password_last_used", "mfa"), Cis("1.10", "1.9", "2.9", "2.10"),
         fix=_SET_UP_MFA, short="no MFA at the console", group="mfa-all"),
    Rule("key-age", "Access keys are replaced in time",
         "No active access key is older than {key_days} days.",
         key_age, ("keys",), Cis("1.14", "1.13", "2.13", "2.12"), {"key_days": 90},
         fix=Fix("access_keys.index", "Replace the access key"), short="old access key", group="keys-all"),
    Rule("one-active-key", "One active access key each",
         "Nobody has two active access keys, save while replacing one.",
         one_active_key, ("keys",), Cis("1.13", "1.12", "2.12"),
         fix=Fix("access_keys.index", "Retire the access key you no longer use"),
         short="two active keys", group="keys-all"),
    Rule("unused", "Nothing lies unused",
         "Passwords and access keys that were not used for {unused_days} days are turned off; what was never used "
         "counts from when it was made.",
         unused, ("password", "password_last_used", "keys", "key_use"), Cis("1.12", "1.11", "2.11", "2.11"),
         {"unused_days": 45},
         fix=Fix("password.index", "Remove the password you do not use"), short="unused", group="unused-all"),
    Rule("key-at-creation", "No access key made along with a user",
         "Users with a console password were not given an access key at their creation which they then never used.",
         key_at_creation, ("password", "keys", "key_use", "user"), Cis("1.11", "1.10", "2.10"),
         fix=Fix("access_keys.index", "Delete the access key you never used"),
         short="key made with the user", group="keys-all"),
    Rule("signed-in", "Everyone with a password has signed in",
         "Console passwords are used: their owner signed in within {first_sign_in_days} days.",
         signed_in, ("password", "password_last_used", "user"),
         fix=Fix("overview.index", "Sign in once, or have the password removed"),
         short="never signed in", group="unused-all"),
    Rule("certificate-age", "Signing certificates are fresh",
         "No active signing certificate has expired or is older than {certificate_days} days.",
         certificate_age, ("certificates",),
         fix=Fix("certificates.index", "Replace the signing certificate"),
         short="old certificate", group="public-keys-all"),
    Rule("ssh-key-age", "SSH public keys are fresh",
         "No active SSH public key is older than {ssh_days} days.",
         ssh_key_age, ("ssh_keys",),
         fix=Fix("ssh_keys.index", "Replace the SSH public key"), short="old SSH key", group="public-keys-all"),
    Rule("within-reach", "The policy reaches everyone",
         "Users with an IAM path can look after their own credentials: the policy matches their ARN.",
         within_reach, ("user",),
         short="out of the policy’s reach", who="Only people with an IAM path can be out of its reach."),
)  # fmt: skip
"""In the order of the pages."""
