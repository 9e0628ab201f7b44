"""The one figure of an account that administrators see on their overview."""

from __future__ import annotations

from dataclasses import dataclass

from app.compliance.data import daily
from app.compliance.data.account_data import read_account
from app.db import db
from app.web.guards import accounts_to_watch
from app.web.request_context import person


@dataclass(frozen=True)
class AccountFigure:
    """How many users of an account have MFA, when the dashboard was last counted."""

    account_id: str
    without: int
    """Users who have no MFA device, and users who are only known to have no virtual one."""
    unknown: int
    """How many of them, at most, may have a device of another kind."""
    people: int


def account_figure() -> AccountFigure | None:
    """Return the figure of the administrator's account; None for others, and where no list was read yet."""
    watched = accounts_to_watch()
    if not watched:
        return None
    account_id = person().account_id if person().account_id in watched else watched[0]
    with db.engine.connect() as connection:
        account = read_account(connection, account_id)
        if account is None or not (account.user_list_at or account.report_at):
            return None
        found = daily.latest_of(connection, [account_id]).get(account_id)
    if found is None:
        return None
    mfa, others = found[1].of("mfa"), account.user_list.get("others")
    unknown = mfa.unknown if others is None else min(others, mfa.unknown)
    return AccountFigure(account_id, mfa.failed + mfa.unknown, unknown, mfa.population)
