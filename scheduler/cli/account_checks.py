"""The part of `campaign doctor` about the operator: where alerts go, and which tokens end before what they are for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scheduler.cli import database, telling
from scheduler.cli.check import Check
from scheduler.cli.options import Session
from scheduler.cli.wording import count, day

if TYPE_CHECKING:
    from scheduler.channels.horizon import TokenEnd
    from scheduler.operations.horizon import Beyond
    from scheduler.settings import Settings
    from scheduler.settings.destinations import Destination

_SOON = timedelta(days=14)


def alerts(session: Session) -> Iterator[Check]:
    """Say where it is told what needs a person, or that nobody is told."""
    settings = database.settings(session)
    destinations = settings.alert_destinations()
    if not destinations:
        yield Check(
            "alerts",
            "!",
            "they go nowhere: nobody is told when something needs a person",
            "set CAMPAIGN_ALERTS, e.g. mailto:owner@shop.example",
        )
    yield from _ways(settings, "alerts", destinations)


def tasks(session: Session) -> Iterator[Check]:
    """Say where the staff is told of its tasks; nothing where nobody is, for not every shop has any."""
    settings = database.settings(session)
    yield from _ways(settings, "tasks", settings.task_destinations())


def _ways(settings: Settings, name: str, destinations: Sequence[Destination]) -> Iterator[Check]:
    for one in destinations:
        remedy = _missing(settings, one)
        if remedy:
            yield Check(name, "✗", f"they cannot go to {one}", remedy)
        else:
            yield Check(name, "✓", f"they go to {one}")


def _missing(settings: Settings, one: Destination) -> str:
    """Return what has to be set so that alerts can go there, empty where nothing is missing."""
    if one.kind == "mailto":
        there = settings.smtp_url is not None or settings.email_provider is not None
        return "" if there else "set CAMPAIGN_SMTP_URL or CAMPAIGN_EMAIL_PROVIDER"
    if one.kind == "webhook":
        return "" if "url" in settings.account(one.target) else f"set CAMPAIGN_ACCOUNTS__{one.target.upper()}__URL"
    from scheduler.channels.account import name_of

    name = name_of(one.kind, one.target)
    there = name in settings.accounts or one.kind in settings.accounts
    return "" if there else f"set CAMPAIGN_ACCOUNTS__{name.upper()}__TOKEN"


def tokens(session: Session, url: str | None, told: Sequence[TokenEnd] = ()) -> Iterator[Check]:
    """Say when the tokens of accounts end, and which dates of the schedule come after that.

    What a platform itself `told` stands over the day in the settings, but not over what is known of renewed ones.
    """
    known = {end.account: end for end in token_ends(database.settings(session))}
    for end in told:
        if end.account not in known or not known[end.account].renewed:
            known[end.account] = end
    ends = tuple(known[account] for account in sorted(known))
    if not ends:
        return
    there = url or database.existing(session)
    late: Sequence[Beyond] = ()
    now = session.now()
    if there is not None:
        from scheduler.operations import horizon

        with database.reading(there) as store:
            late, now = horizon.beyond(store, ends), telling.now(session, store)
    for end in ends:
        yield _of_token(end, [one for one in late if one.end == end], now)


def token_ends(settings: Settings) -> tuple[TokenEnd, ...]:
    """Return when the tokens of accounts end, of which that is known. Raises: SchedulerError."""
    if not settings.accounts:
        return ()
    from scheduler import bootstrap
    from scheduler.channels import horizon

    return horizon.ends(settings.accounts, bootstrap.token_keeper(settings))


def _of_token(end: TokenEnd, late: Sequence[Beyond], now: datetime) -> Check:
    when = day(end.ends_at.date(), year=True)
    if end.ends_at <= now:
        return Check("token", "✗", f"{end.account}: it ended on {when}{_after(late)}", end.remedy)
    if late or end.ends_at <= now + _SOON:
        failed = ", and could not be renewed" if end.renewed else ""
        return Check("token", "!", f"{end.account}: it ends on {when}{failed}{_after(late)}", end.remedy)
    renewed = ", and is renewed before by the daemon" if end.renewed else ""
    return Check("token", "✓", f"{end.account}: it ends on {when}{renewed}")


def _after(late: Sequence[Beyond]) -> str:
    """Return the dates that come too late for a token: the first by name, the others by number."""
    if not late:
        return ""
    first = f"{late[0].campaign}/{late[0].touch} {telling.told(late[0].due_at, late[0].zone, year=True)}"
    more = f" and {count(len(late) - 1, 'other date')}" if len(late) > 1 else ""
    return f", before {first}{more}"
