"""Campaigns of an account: create, start, pause and end them, and follow their progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, func, insert, or_, select, update

from app.audit.events import Event
from app.audit.log import Audit
from app.compliance.campaigns.models import CampaignRow, CampaignState, CampaignUser
from app.compliance.data import queries
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.queries import Filter
from app.compliance.rules.verdicts import State
from app.errors import NotFound, Refused
from app.notices.models import NoticeRow
from app.notices.notice import TO_BE_SENT, Audience
from app.notices.notice import State as Sending
from app.notices.outbox import Outbox
from app.text.messages import N_, _

ON_A_PAGE = 25


class CampaignAlreadyExists(Refused):
    """A campaign with this name hasn't ended, for example because a form was submitted twice."""

    code = "campaign-already-exists"
    message = N_("A campaign with this name hasn’t ended yet. Choose another name.")
    field = "name"


@dataclass(frozen=True)
class NewCampaign:
    """A campaign to be created."""

    name: str
    rule: str
    search: str
    begins: date
    deadline: date
    ahead: list[int]
    to_managers: bool
    joins: bool
    own_subject: str
    own_text: str


def create(engine: Engine, audit: Audit, account_id: str, wanted: NewCampaign, by: str) -> int:
    """Create a draft, and return its number. by: ARN. Raises CampaignAlreadyExists, NotRecorded."""
    ensure_account_row(engine, account_id)
    with audit.attempt(Event.CAMPAIGN_CREATED, wanted.name), locked(engine, account_id) as account:
        same = and_(
            CampaignRow.account_id == account_id,
            CampaignRow.name == wanted.name,
            CampaignRow.state != CampaignState.ENDED.value,
        )
        if account.connection.execute(select(CampaignRow.id).where(same)).first():
            raise CampaignAlreadyExists
        row = {"account_id": account_id, "state": CampaignState.DRAFT.value, "created_by": by}
        values = {**asdict(wanted), **row, "created_at": datetime.now(UTC)}
        done = account.connection.execute(insert(CampaignRow).values(values).returning(CampaignRow.id))
        return int(done.scalar_one())


_MOVES: Mapping[CampaignState, tuple[Event, tuple[CampaignState, ...]]] = {
    CampaignState.RUNNING: (Event.CAMPAIGN_STARTED, (CampaignState.DRAFT, CampaignState.PAUSED)),
    CampaignState.PAUSED: (Event.CAMPAIGN_PAUSED, (CampaignState.RUNNING,)),
    CampaignState.ENDED: (
        Event.CAMPAIGN_ENDED,
        (CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED),
    ),
}
"""By new state: the event, and the states before."""


def move(engine: Engine, audit: Audit, account_id: str, number: int, to: CampaignState, outbox: Outbox) -> None:
    """Start, pause or end a campaign. What isn't sent yet is cancelled, except on starting: that undoes it.

    Raises NotFound for a campaign that isn't in a state before it, NotRecorded.
    """
    event, before = _MOVES[to]
    found = one(engine, account_id, number)
    if found is None or found.state not in before:
        raise NotFound(_("This campaign was changed meanwhile. Nothing was changed."))
    with audit.attempt(event, found.name), engine.begin() as connection:
        values: dict[str, Any] = {"state": to.value}
        if to is CampaignState.ENDED:
            values["ended_at"] = datetime.now(UTC)
        mine = CampaignRow.id == number, CampaignRow.state.in_(before)
        if not connection.execute(update(CampaignRow).where(*mine).values(values)).rowcount:
            raise NotFound(_("This campaign was changed meanwhile. Nothing was changed."))
        if to is CampaignState.RUNNING:
            # Notices to users who aren't done are written again if their step is still the current one. Notices that
            # an administrator cancelled by hand aren't.
            asked = select(CampaignUser.user_name).where(
                CampaignUser.campaign_id == number, CampaignUser.left_at.is_(None)
            )
            theirs = or_(NoticeRow.user_name.in_(asked), NoticeRow.audience != Audience.USER.value)
            outbox.forget_paused(connection, NoticeRow.campaign_id == number, theirs)
        else:
            outbox.cancel(connection, NoticeRow.campaign_id == number, paused=to is CampaignState.PAUSED)


def one(engine: Engine, account_id: str, number: int) -> Any | None:
    """Return a campaign's row, None where the account has none of this number."""
    mine = CampaignRow.id == number, CampaignRow.account_id == account_id
    with engine.connect() as connection:
        return connection.execute(select(CampaignRow.__table__).where(*mine)).first()


def listed(engine: Engine, account_id: str) -> Sequence[tuple[Any, int, int]]:
    """Return the account's campaigns, the newest first, with how many users they have and how many aren't done."""
    remaining = func.sum(func.coalesce(CampaignUser.left_at.is_(None).cast(_integer()), 0))
    counted = (
        select(CampaignUser.campaign_id, func.count().label("users"), remaining.label("remaining"))
        .where(CampaignUser.account_id == account_id)
        .group_by(CampaignUser.campaign_id)
        .subquery()
    )
    query = (
        select(CampaignRow.__table__, counted.c.users, counted.c.remaining)
        .outerjoin(counted, counted.c.campaign_id == CampaignRow.id)
        .where(CampaignRow.account_id == account_id)
        .order_by(CampaignRow.id.desc())
        .limit(200)
    )
    with engine.connect() as connection:
        return [(row, int(row.users or 0), int(row.remaining or 0)) for row in connection.execute(query)]


def _integer() -> Any:
    return func.count().type


class LatestNotice(NamedTuple):
    """The latest notice of a user in a campaign."""

    kind: str
    channel: str
    state: str
    at: datetime
    problem: str
    """Why it couldn't be sent, as a code of `app.notices.channels.outcomes`, else ""."""


class Progress(NamedTuple):
    """The progress of a campaign. outcomes: numbers of users by `Outcome`, "" for those who aren't done."""

    users: int
    outcomes: Mapping[str, int]
    undelivered: int
    days: Sequence[tuple[date, int]]
    """How many weren't done at the end of each day, up to the deadline."""

    @property
    def remaining(self) -> int:
        """How many aren't done."""
        return self.outcomes.get("", 0)


def progress(engine: Engine, campaign: Any, today: date) -> Progress:
    """Count a campaign's users, by day as well."""
    with engine.connect() as connection:
        query = select(CampaignUser.joined_at, CampaignUser.left_at, CampaignUser.left)
        rows = connection.execute(query.where(CampaignUser.campaign_id == campaign.id)).all()
        dead = select(func.count()).where(NoticeRow.campaign_id == campaign.id, NoticeRow.state == Sending.DEAD.value)
        undelivered = connection.execute(dead).scalar_one()
    first = campaign.begins
    last = min(today, campaign.deadline, campaign.ended_at.date() if campaign.ended_at else today)
    joined = Counter(max(row.joined_at.date(), first) for row in rows)
    gone = Counter(max(row.left_at.date(), first) for row in rows if row.left_at)
    days = []
    asked = 0
    for number in range((last - first).days + 1 if rows else 0):
        day = first + timedelta(days=number)
        asked += joined[day] - gone[day]
        days.append((day, asked))
    return Progress(len(rows), Counter(row.left for row in rows), undelivered, days)


def users(
    connection: Connection, campaign: Any, *, outcome: str | None = None, page: int = 1, size: int | None = ON_A_PAGE
) -> tuple[Sequence[tuple[Any, LatestNotice | None]], int]:
    """Return a page of the campaign's users, each with their latest notice, and how many there are.

    outcome: only users with this one, "" for those who aren't done. size: None for all.
    """
    mine = [CampaignUser.campaign_id == campaign.id]
    if outcome is not None:
        mine.append(CampaignUser.left == outcome)
    total = connection.execute(select(func.count()).select_from(CampaignUser).where(*mine)).scalar_one()
    query = select(CampaignUser.__table__).where(*mine).order_by(CampaignUser.user_name)
    if size is not None:
        query = query.limit(size).offset((page - 1) * size)
    rows = connection.execute(query).all()
    notices = select(NoticeRow).where(NoticeRow.campaign_id == campaign.id).order_by(NoticeRow.id)
    if size is not None:
        notices = notices.where(NoticeRow.user_name.in_([row.user_name for row in rows]))
    latest = {
        row.user_name: LatestNotice(
            row.kind,
            row.channel,
            row.state,
            row.sent_at or row.created_at,
            row.last_error if row.state == Sending.DEAD else "",
        )
        for row in connection.execute(notices)
    }
    return [(row, latest.get(row.user_name)) for row in rows], total


def waiting(engine: Engine, number: int) -> int:
    """Return how many notices of a campaign aren't sent yet."""
    mine = NoticeRow.campaign_id == number, NoticeRow.state.in_((*TO_BE_SENT, Sending.SENDING))
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(NoticeRow).where(*mine)).scalar_one()


def would_be_asked(
    connection: Connection, account_id: str, campaign: Any, patterns: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    """Yield the names of the users a draft is about: those who fail its rule now. patterns: of service users."""
    only = "people" if patterns else ""
    chosen = Filter(campaign.rule, State.FAIL, campaign.search, kind=only, service_users=patterns)
    for row in queries.everyone(connection, account_id, chosen):
        yield row.user_name


def still_asked(connection: Connection, number: int) -> Sequence[str]:
    """Return the names of a campaign's users who haven't left."""
    query = select(CampaignUser.user_name).where(CampaignUser.campaign_id == number, CampaignUser.left_at.is_(None))
    return connection.execute(query.order_by(CampaignUser.user_name)).scalars().all()
