"""The rules about users: how each judges, and at the end of the file the table of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.compliance.rules.rule import Rule
from app.compliance.rules.sentences import CERTIFICATE, KEY, PASSWORD, SSH_KEY, UseSentences
from app.compliance.rules.service_users import exempt
from app.compliance.rules.subjects import Key, Seen, Subject, Terms
from app.compliance.rules.uploads import judge_uploads
from app.compliance.rules.verdicts import FAIL, PASS, UNKNOWN, Fix, Verdict, aged, fresh, passed, worst
from app.text.messages import N_

AT_CREATION = timedelta(minutes=1)
"""A key created this soon after its user was created together with the user."""

# These verdicts are reached thousands of times in a row, so they are made once.
_HAS_MFA = Verdict(PASS, N_("Has an MFA device."))
_HAS_NO_MFA = Verdict(FAIL, N_("Has no MFA device."))
_TWO_KEYS = Verdict(FAIL, N_("Two access keys are active."))
_ONE_KEY = Verdict(PASS, N_("One access key is active."))
_NO_KEY_OF_FIRST_DAY = Verdict(PASS, N_("No unused access key was created together with the user."))
_DELETE_UNUSED_KEY = Fix("access_keys.index", N_("Delete the access key you don’t use"))
_PASSWORD_UNKNOWN = N_("Only a credential report shows whether this user has a console password.")


def mfa(someone: Subject, terms: Terms) -> Verdict | None:
    """Does the user have an MFA device? None for service users without a password."""
    if (apart := exempt(someone, terms)) is not False:
        return fresh(apart, terms, someone.seen.get("password"))
    return fresh(_mfa(someone, terms), terms, someone.seen.get("mfa"))


def _mfa(someone: Subject, terms: Terms) -> Verdict:
    if someone.mfa:
        return _HAS_MFA
    if someone.mfa is False:
        return _HAS_NO_MFA
    if someone.mfa_doubt:
        return Verdict(UNKNOWN, someone.mfa_doubt)
    if someone.no_virtual_device and terms.others_at_most is not None:
        why = N_("Has no virtual MFA device. At most {} hardware tokens or passkeys are in use in this account.")
        return Verdict(UNKNOWN, why, (terms.others_at_most,))
    return Verdict(UNKNOWN, N_("Only a credential report shows whether this user has MFA."))


def mfa_console(someone: Subject, terms: Terms) -> Verdict | None:
    """Does a user who has a console password have an MFA device? None without a password."""
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
        why = f"{verdict.why}\n{N_('Last signed in with a password on {}.')}"
        with_last_use = verdict._replace(why=why, about=(*verdict.about, someone.password_last_used))
        return fresh(with_last_use, terms, seen.get("password_last_used"))
    return Verdict(UNKNOWN, _PASSWORD_UNKNOWN)


def key_age(someone: Subject, terms: Terms) -> Verdict | None:
    """Is the oldest active access key younger than `key_days`? None without an active key."""
    if someone.keys is None:
        return Verdict(UNKNOWN, N_("Only a credential report shows how old this user’s access keys are."))
    return fresh(_key_age(someone.keys, someone.seen.get("keys"), terms), terms, someone.seen.get("keys"))


def _key_age(keys: Sequence[Key], seen: Seen | None, terms: Terms) -> Verdict | None:
    active = [key for key in keys if key.active]
    if not active:
        return None
    made = [key.created_at for key in active if key.created_at]
    if len(made) < len(active):
        return Verdict(UNKNOWN, N_("AWS doesn’t say when an active access key was created."))
    return aged(
        min(made),
        terms.key_days,
        terms.now,
        N_("The oldest active access key was created on {}."),
        N_("An active access key was created on {} and is {} days old."),
        seen,
    )


def one_active_key(someone: Subject, terms: Terms) -> Verdict | None:
    """Does the user have at most one active access key? None without an active key."""
    if someone.keys is None:
        return Verdict(UNKNOWN, N_("Only a credential report shows how many access keys this user has."))
    active = sum(key.active for key in someone.keys)
    verdict = _TWO_KEYS if active > 1 else _ONE_KEY if active else None
    return fresh(verdict, terms, someone.seen.get("keys"))


def _used(sentences: UseSentences, used: datetime, seen: Seen | None, terms: Terms) -> Verdict:
    """The verdict on a credential that was used: recently, too long ago, or unknown since then."""
    limit = used + timedelta(days=terms.unused_days)
    if terms.now <= limit:
        return Verdict(PASS, sentences.recently, (used,), limit)
    if seen and seen.at <= limit:
        return Verdict(UNKNOWN, sentences.last, (used, seen.at))
    return Verdict(FAIL, sentences.too_long_ago, (used, passed(used, terms.unused_days, terms.now)))


def _unused_password(someone: Subject, terms: Terms) -> Verdict | None:
    seen = someone.seen.get("password_last_used")
    used, limit = someone.password_last_used, timedelta(days=terms.unused_days)
    if someone.password is False:
        return fresh(None, terms, someone.seen.get("password"))
    if used and terms.now <= used + limit:
        return fresh(_used(PASSWORD, used, seen, terms), terms, seen)
    if someone.password is None:
        if used:
            why = N_("The password was last used on {}. Only a credential report shows whether it still exists.")
            return Verdict(UNKNOWN, why, (used,))
        return Verdict(UNKNOWN, _PASSWORD_UNKNOWN)
    if used:
        return fresh(_used(PASSWORD, used, seen, terms), terms, seen, someone.seen.get("password"))
    since = someone.password_changed_at
    if someone.password_use_known and since:
        verdict = aged(
            since,
            terms.unused_days,
            terms.now,
            N_("The password was set on {} and hasn’t been used yet."),
            N_("The password was set on {} and hasn’t been used in {} days."),
            seen,
        )
        return fresh(verdict, terms, seen, someone.seen.get("password"))
    made = someone.created_at
    if made and terms.now <= made + limit:
        return Verdict(PASS, N_("The user was created on {}."), (made,), made + limit)
    return Verdict(UNKNOWN, N_("Only a credential report shows when the password was set."))


def _unused_key(key: Key, seen: Seen | None, terms: Terms) -> Verdict:
    used, limit = key.used_at, timedelta(days=terms.unused_days)
    if used and (key.use_known or terms.now <= used + limit):
        return _used(KEY, used, seen, terms)
    made = key.created_at
    if made and terms.now <= made + limit:
        return Verdict(PASS, N_("An access key was created on {}."), (made,), made + limit)
    if made and key.use_known:
        still = N_("An access key was created on {}.")
        never = N_("An access key was created on {} and hasn’t been used in {} days.")
        return aged(made, terms.unused_days, terms.now, still, never, seen)
    return Verdict(UNKNOWN, N_("Only a credential report shows when an access key was last used."))


def unused(someone: Subject, terms: Terms) -> Verdict | None:
    """Was every password and active access key used in the last `unused_days`? None where the user has neither."""
    found = []
    password = _unused_password(someone, terms)
    if password:
        found.append(password)
    keys = _unused_keys(someone, terms)
    if keys:
        found.append(keys._replace(fix=_DELETE_UNUSED_KEY) if keys.state is FAIL else keys)
    # The absence of a password or an active key is also evidence, and expires like other evidence.
    absent = ([] if password else ["password"]) + ([] if keys else ["keys", "key_use"])
    return fresh(worst(found), terms, *(someone.seen.get(name) for name in absent)) if found else None


def _unused_keys(someone: Subject, terms: Terms) -> Verdict | None:
    if someone.keys is None:
        return Verdict(UNKNOWN, N_("Only a credential report shows when this user’s access keys were last used."))
    listed, use = someone.seen.get("keys"), someone.seen.get("key_use")
    return fresh(worst([_unused_key(key, use, terms) for key in someone.keys if key.active]), terms, listed, use)


def key_at_creation(someone: Subject, terms: Terms) -> Verdict | None:
    """Is there no unused access key that was created with the user (AT_CREATION)? None without a password."""
    if someone.password is False:
        return fresh(None, terms, someone.seen.get("password"))
    seen = [someone.seen.get(name) for name in ("password", "keys", "key_use")]
    return fresh(_key_at_creation(someone), terms, *seen)


def _key_at_creation(someone: Subject) -> Verdict:
    if someone.keys is None or someone.password is None:
        return Verdict(UNKNOWN, N_("Only a credential report shows this user’s access keys and password."))
    for key in someone.keys:
        if not key.active or key.used_at:
            continue
        if someone.created_at is None or key.created_at is None:
            return Verdict(UNKNOWN, N_("We don’t know when the user or an access key was created."))
        if abs(key.created_at - someone.created_at) <= AT_CREATION:
            if not key.use_known:
                why = N_("Only a credential report shows whether the access key created with the user was ever used.")
                return Verdict(UNKNOWN, why)
            why = N_("An access key was created together with the user on {} and has never been used.")
            return Verdict(FAIL, why, (key.created_at,))
    return _NO_KEY_OF_FIRST_DAY


def certificate_age(someone: Subject, terms: Terms) -> Verdict | None:
    """Is every active signing certificate valid, and younger than `certificate_days`? None without one."""
    unknown = N_("Only a credential report shows this user’s signing certificates.")
    seen = someone.seen.get("certificates")
    return judge_uploads(someone.certificates, seen, terms.certificate_days, terms, CERTIFICATE, unknown)


def ssh_key_age(someone: Subject, terms: Terms) -> Verdict | None:
    """Is every active SSH key younger than `ssh_days`? None without one."""
    unknown = N_("AWS shows SSH keys only to their owner. We’ll know after this user has signed in here.")
    seen = someone.seen.get("ssh_keys")
    return judge_uploads(someone.ssh_keys, seen, terms.ssh_days, terms, SSH_KEY, unknown)


def within_reach(someone: Subject, terms: Terms) -> Verdict | None:
    """Does the policy cover the user's IAM path? None for users without a path."""
    if someone.path == "/":
        return None
    if terms.path_blind:
        why = N_("The policy doesn’t cover users with the path {}, so this user can’t manage their own credentials.")
        return fresh(Verdict(FAIL, why, (someone.path,)), terms, someone.seen.get("user"))
    verdict = Verdict(PASS, N_("The policy covers users with the path {}."), (someone.path,))
    return fresh(verdict, terms, someone.seen.get("user"))


def signed_in(someone: Subject, terms: Terms) -> Verdict | None:
    """Has the user signed in within `first_sign_in_days` of getting a password? None without a password."""
    password, seen = someone.seen.get("password"), someone.seen.get("password_last_used")
    if someone.password is False:
        return fresh(None, terms, password)
    if someone.password_last_used:
        verdict = Verdict(PASS, N_("Last signed in with a password on {}."), (someone.password_last_used,))
        return fresh(verdict, terms, seen)
    if someone.password is None or not someone.password_use_known:
        return Verdict(UNKNOWN, _PASSWORD_UNKNOWN)
    since = someone.password_changed_at or someone.created_at
    if since is None:
        return Verdict(UNKNOWN, N_("We don’t know when the password was set."))
    if someone.password_changed_at:
        never = N_("The password was set on {} and hasn’t been used to sign in yet.")
        late = N_("The password was set on {} and hasn’t been used to sign in for {} days.")
    else:
        never = N_("The user was created on {} and hasn’t signed in yet.")
        late = N_("The user was created on {} and hasn’t signed in for {} days.")
    return fresh(aged(since, terms.first_sign_in_days, terms.now, never, late, seen), terms, password, seen)


_SET_UP_MFA = Fix("overview.index", N_("Set up MFA"))
RULES: tuple[Rule, ...] = (
    Rule("mfa", N_("Every user has an MFA device"),
         N_("Every IAM user has an MFA device. Under Force_MFA, a user without one can do almost nothing."),
         mfa, ("mfa",),
         fix=_SET_UP_MFA, short=N_("no MFA"), topic=N_("MFA"), message=N_("You don’t have MFA yet."), group="mfa-all",
         severity="high", covers=("mfa-console",)),
    Rule("mfa-console", N_("Every user with a console password has MFA"),
         N_("Every user who can sign in to the console with a password has an MFA device."),
         mfa_console, ("password", "password_last_used", "mfa"),
         fix=_SET_UP_MFA, short=N_("no MFA at the console"), topic=N_("MFA at the console"),
         message=N_("You have a console password, but no MFA."), part_of="mfa", group="mfa-all", severity="high"),
    Rule("key-age", N_("Access keys are rotated on time"),
         N_("No active access key is older than {key_days} days."),
         key_age, ("keys",), "key_days",
         fix=Fix("access_keys.index", N_("Rotate your access key")), short=N_("old access key"),
         topic=N_("access key age"), message=N_("You have an access key that is too old."), group="keys-all"),
    Rule("one-active-key", N_("Every user has at most one active access key"),
         N_("No user has two active access keys, except while rotating one."),
         one_active_key, ("keys",),
         fix=Fix("access_keys.index", N_("Deactivate the access key you no longer use")),
         short=N_("two active keys"), topic=N_("number of access keys"),
         message=N_("You have two active access keys."), group="keys-all", severity="low"),
    Rule("unused", N_("No unused credentials"),
         N_("Every active password and access key was used in the last {unused_days} days. If one was never used, "
            "the time counts from its creation."),
         unused, ("password", "password_last_used", "keys", "key_use"), "unused_days",
         fix=Fix("password.index", N_("Remove the password you don’t use")), several_fixes=True,
         short=N_("unused credentials"), topic=N_("use of credentials"),
         message=N_("You have a password or an access key that you don’t use."),
         group="unused-all", by_last_use=True),
    Rule("key-at-creation", N_("No unused access key from user creation"),
         N_("No user with a console password has an access key that was created with the user and never used."),
         key_at_creation, ("password", "keys", "key_use", "user"),
         fix=Fix("access_keys.index", N_("Delete the access key you never used")),
         short=N_("first key never used"), topic=N_("first access key"),
         message=N_("You have an access key from your first day that was never used."), group="keys-all",
         severity="low"),
    Rule("signed-in", N_("Every user with a password has signed in"),
         N_("Every user with a console password has signed in within {first_sign_in_days} days of getting it."),
         signed_in, ("password", "password_last_used", "user"), "first_sign_in_days",
         fix=Fix("overview.index", N_("Sign in once, or ask your administrator to remove the password")),
         short=N_("never signed in"), topic=N_("first sign-in"),
         message=N_("You have a console password, but have never signed in."), group="unused-all", severity="low"),
    Rule("certificate-age", N_("Signing certificates are replaced on time"),
         N_("No active signing certificate has expired or is older than {certificate_days} days."),
         certificate_age, ("certificates",), "certificate_days",
         fix=Fix("certificates.index", N_("Replace your signing certificate")),
         short=N_("old certificate"), topic=N_("certificates"),
         message=N_("You have a signing certificate that has expired or is too old."), group="public-keys-all",
         severity="low"),
    Rule("ssh-key-age", N_("SSH keys are replaced on time"),
         N_("No active SSH key is older than {ssh_days} days."),
         ssh_key_age, ("ssh_keys",), "ssh_days",
         fix=Fix("ssh_keys.index", N_("Replace your SSH key")), short=N_("old SSH key"), topic=N_("SSH keys"),
         message=N_("You have an SSH key that is too old."), group="public-keys-all", severity="low"),
    Rule("within-reach", N_("The policy covers users with an IAM path"),
         N_("Every user with an IAM path can manage their own credentials, because the policy matches their ARN."),
         within_reach, ("user",),
         short=N_("not covered by the policy"), topic=N_("policy"),
         message=N_("Your policy doesn’t let you manage your own credentials. Your administrator will fix this."),
         who=N_("Only about users with an IAM path."), severity="low"),
)  # fmt: skip
"""In the order of the pages."""
