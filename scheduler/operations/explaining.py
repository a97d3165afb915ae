"""Explaining one message to one person: when it will go or went, or why not, by the rules of the last moment itself.

The verdict is what the checks say, asked of the same circumstances; nothing is decided here. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches

from campaigns import planner
from campaigns.definition import PERSONAL, Stage, Touch
from campaigns.planner import Went, courtesy_rules
from scheduler import checks, fanout, limits, rivals
from scheduler.cases import Case, case_of
from scheduler.catalog import Catalog, InForce
from scheduler.circumstances import Circumstances
from scheduler.delivery import OPEN, WAITING, State
from scheduler.errors import SchedulerError, Withheld
from scheduler.operations import reasoning
from scheduler.operations.people import find
from scheduler.operations.reasoning import Line
from scheduler.store import meta, people, plans, reader
from scheduler.store.database import Connection, Store
from scheduler.store.ledger import Claim
from scheduler.store.reader import DeliveryRecord

_LOOKS = 12  # how often a message that waits is followed to its next moment
ON_HOLD = "everything is on hold"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a message: `state` is the one it comes to, or has come to, when it is looked at, at `at`.

    `goes` says that nothing withholds it; `next_at` is when it is looked at again, `expected_at` when it goes as far as
    is known now (None: it does not, or waits for somebody). Of what is `over` all this has happened.
    """

    state: State
    goes: bool
    at: datetime | None
    reason: str
    next_at: datetime | None = None
    expected_at: datetime | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another message of the touch to the person: its occurrence, and what became of it."""

    occurrence: str
    state: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A message with every rule and its value; moments are UTC, `zone` is the one it is read in."""

    contact: int
    address: str
    campaign: str
    edition: str
    touch: str
    channel: str
    occurrence: str | None
    zone: str
    verdict: Verdict
    lines: tuple[Line, ...]
    others: tuple[Earlier, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sought:
    """A touch on the schedule, as the revision in force has it."""

    campaign: InForce
    stage: Stage
    touch: Touch


def explain(
    store: Store, catalog: Catalog, who: str, name: str, *, now: datetime, show_contacts: bool = False
) -> Explanation:
    """Explain the message of a touch (`campaign/touch`, or `touch` where unique) to a person, as of `now`.

    Of several it is the one that is open, else the next of the calendar, else the last. Facts that say who somebody is
    are masked unless `show_contacts`. Raises: SchedulerError for unknown people and touches, and for posts.
    """
    with store.read() as conn:
        contact = find(conn, who)
        sought = _find(conn, catalog, name)
        if not sought.touch.is_personal:
            raise SchedulerError(
                f"{name} goes to nobody in particular", remedy=f"campaign plan --touch {sought.touch.id} shows when"
            )
        rows = reader.deliveries(
            conn, campaign=sought.campaign.id, edition=sought.campaign.edition, touch=sought.touch.id, contact=contact
        )
        return _explain(conn, catalog, sought, contact, rows, now, show=show_contacts)


def _find(conn: Connection, catalog: Catalog, name: str) -> _Sought:
    wanted, slash, touch_name = name.rpartition("/")
    found, known = [], []
    for campaign in catalog.in_force(conn):
        for stage, touch in campaign.campaign.touches():
            own = campaign.name_of(touch.id)
            known.append(f"{campaign.id}/{own}")
            if own == touch_name and (not slash or campaign.id == wanted):
                found.append(_Sought(campaign, stage, touch))
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(f"{one.campaign.id}/{touch_name}" for one in found)
        raise SchedulerError(f"several campaigns have a touch {touch_name!r}", remedy=f"write one of {choices}")
    short = {full.rpartition("/")[2]: full for full in known}
    near = get_close_matches(name, known, n=1) or [short[word] for word in get_close_matches(touch_name, short, n=1)]
    remedy = f"did you mean {near[0]!r}?" if near else "campaign status shows what is on the schedule"
    raise SchedulerError(f"no touch {name!r} is on the schedule", remedy=remedy)


def _explain(
    conn: Connection,
    catalog: Catalog,
    sought: _Sought,
    contact: int,
    rows: Sequence[DeliveryRecord],
    now: datetime,
    *,
    show: bool,
) -> Explanation:
    row = min((one for one in rows if one.state in OPEN), key=lambda one: (one.next_at, one.id), default=None)
    planned = None if row is not None else _upcoming(conn, sought, contact, rows, now)
    if row is None and planned is None and rows:
        row = max(rows, key=lambda one: (one.due_at, one.id))
    others = tuple(_earlier(one) for one in rows if row is None or one.id != row.id)
    if row is not None:
        claim = reader.claim_of(row)
        looked_at = max(now, row.next_at) if row.state in OPEN else row.updated_at
    elif planned is not None:
        claim, looked_at = planned, max(now, planned.due_at)
    else:
        return _nothing(conn, sought, contact, now)
    case = case_of(catalog.get(conn, claim.campaign, claim.edition, claim.revision) or sought.campaign, claim)
    look = _Sight(conn, catalog, case, now)
    here = look.at(looked_at)
    waits = row is None or State(row.state) in WAITING | {State.CLAIMED}
    verdict = look.judge(here) if row is None or waits else _told(row)
    is_open = row is None or row.state in OPEN
    lines = (
        *_position(conn, here, case),
        *reasoning.lines(here, case, checks.rulings(here, case) if is_open else (), show=show),
        *(_around(conn, here, case) if is_open else ()),
        *([Line("so far", row.reason)] if row is not None and is_open and row.reason else []),
        *([Line("attempts", str(row.attempts))] if row is not None and row.attempts else []),
    )
    return Explanation(
        contact=contact,
        address=here.standing(case).address("email") or here.standing(case).address("phone") or f"#{contact}",
        campaign=sought.campaign.id,
        edition=claim.edition,
        touch=sought.campaign.name_of(sought.touch.id),
        channel=case.claim.channel,
        occurrence=claim.occurrence,
        zone=here.zone(case),
        verdict=verdict,
        lines=lines,
        others=others,
    )


def _upcoming(
    conn: Connection, sought: _Sought, contact: int, rows: Sequence[DeliveryRecord], now: datetime
) -> Claim | None:
    """Return what the next date of the calendar will be for the person; None where there is none to come."""
    campaign, touch = sought.campaign, sought.touch
    had = {row.occurrence for row in rows}
    dates = plans.occurrences(conn, campaign.id, campaign.edition, touch=touch.id, states=("planned", "open"))
    timeline = campaign.timeline(plans.first_sent(conn, campaign.id, campaign.edition))
    for date in dates:
        if date.key in had or fanout.occurrence(timeline, touch.id, date.key) is None:
            continue
        claim = rivals.upcoming(date, campaign, contact, now)
        own = fanout.own_moment(campaign, timeline, touch, date.key, contact, people.timezone(conn, contact))
        expires_at = None if own.expires_at is None else own.expires_at.astimezone(UTC)
        return rivals.at(claim, own.due_at.astimezone(UTC), expires_at)
    return None


class _Sight:
    """One message looked at from several moments, with what is to go to the person before them."""

    def __init__(self, conn: Connection, catalog: Catalog, case: Case, now: datetime) -> None:
        self._conn = conn
        self._catalog = catalog
        self._case = case
        self._now = now

    def at(self, moment: datetime) -> Circumstances:
        """Return the circumstances of a moment; of one to come, with what will have gone by then as far as is known."""
        here = Circumstances(self._conn, [self._case], now=moment, catalog=self._catalog)
        if moment > self._now and self._case.claim.marketing:
            here.foresee(self._case, self._before(moment))
        return here

    def _before(self, moment: datetime) -> list[tuple[Case, Went]]:
        now, case = self._now, self._case
        seen = Circumstances(self._conn, [case], now=now, catalog=self._catalog, everything_until=moment)
        coming = [(other, wish) for other, wish in seen.coming(case) if checks.may_go(seen, other)]
        wishes = [courtesy_rules.at_moment(seen.wish(case), moment), *(wish for _, wish in coming)]
        lived = planner.live_through(wishes, seen.standing(case).marketing)
        return [
            (coming[place - 1][0], replace(went, name=f"{went.name}, planned"))
            for place, went in lived.gone
            if place and went.at <= moment
        ]

    def judge(self, here: Circumstances) -> Verdict:
        """Say what the checks say at the message's moment, and follow it to the moment at which it goes, if it does."""
        first = latest = self._look(here)
        at = here.now
        for _ in range(_LOOKS):
            if latest is None:
                break
            if State(latest.state) is not State.PLANNED or latest.next_at is None or latest.next_at <= at:
                break
            at = latest.next_at
            latest = self._look(self.at(at))
        expected_at = at if latest is None else None
        if first is None:
            return Verdict(State.SENT, True, here.now, "", expected_at=expected_at)
        return Verdict(
            State(first.state), False, here.now, first.reason, next_at=first.next_at, expected_at=expected_at
        )

    def _look(self, here: Circumstances) -> Withheld | None:
        """Return what withholds the message, in the order in which it is asked: hold, last-moment checks, budget."""
        if (hold := meta.hold(self._conn)) is not None:
            return Withheld(State.PLANNED, f"{ON_HOLD}: {hold.reason}")
        found = [ruling for ruling in checks.rulings(here, self._case) if ruling.withheld is not None]
        if not self._case.claim.id:  # the date has not fired: who is not in its audience then gets no message at all
            found.sort(key=lambda ruling: ruling.rule != "audience")
        return found[0].withheld if found else _budget(self._conn, self._case)


def _budget(conn: Connection, case: Case) -> Withheld | None:
    if case.claim.attempts:
        return None
    try:
        limits.check_budget(plans.budget(conn, *case.edition))
    except Withheld as withheld:
        return withheld
    return None


def _told(row: DeliveryRecord) -> Verdict:
    """Return what has become of a message, as its row says."""
    state = State(row.state)
    return Verdict(
        state, state is State.SENT, row.sent_at or row.updated_at, row.reason, over=state not in (State.HELD,)
    )


def _earlier(row: DeliveryRecord) -> Earlier:
    return Earlier(row.occurrence, row.state, row.sent_at or row.updated_at, row.reason)


def _position(conn: Connection, here: Circumstances, case: Case) -> Iterator[Line]:
    """Yield where the person stands: the stage, and the run with the event that started it."""
    contact = case.claim.contact
    assert contact is not None
    entries = plans.stages_of(conn, contact, campaign=case.claim.campaign, edition=case.claim.edition)
    if entries:
        entered = entries[-1]
        yield Line("stage", f"{entered.stage} since {reasoning.moment(entered.at, here.zone(case))}, {entered.reason}")
    else:
        yield Line("stage", "none yet: nothing of the campaign has reached them")
    run = here.runs.get(case.claim.run) if case.claim.run is not None else None
    if run is not None:
        event = here.events[run.event]
        began = f"{event.name} {reasoning.moment(event.at, here.zone(case))}"
        yield Line("run", f"{run.key}: started by {began}, {run.state}")
        if run.reason:
            yield Line("why then" if run.state == "open" else "ended", run.reason)


def _around(conn: Connection, here: Circumstances, case: Case) -> Iterator[Line]:
    """Yield what is asked beside the rules of the last moment: words, rate, account, the hold and the budget."""
    yield Line("same words", _said_lately(conn, here, case))
    definition, channel = case.campaign.campaign, case.claim.channel
    rate = definition.rate.get(channel)
    yield Line("rate", "no limit" if rate is None else f"{rate} by {channel}")
    senders = {"email": definition.senders.email, "sms": definition.senders.sms}
    account = definition.accounts.get(channel) or senders.get(channel)
    if case.touch.is_by_hand:
        yield Line("by hand", "somebody of the shop gets a task and puts it there; no account is needed")
    yield Line("account", f"{channel}: {account}" if account else f"{channel}: none named in the file")
    hold = meta.hold(conn)
    yield Line("hold", "none" if hold is None else hold.reason, passes=hold is None)
    budget = plans.budget(conn, *case.edition)
    said = "no limit" if budget is None else f"{budget.left} of {budget.authorised} messages left"
    yield Line("budget", said, passes=_budget(conn, case) is None)


def _said_lately(conn: Connection, here: Circumstances, case: Case) -> str:
    """Say which messages of other touches theirs must not repeat word for word; the words are compared as it goes."""
    since, contact = here.now - limits.SAME_WORDS, case.claim.contact
    if case.touch.is_task:
        return "not asked: nobody gets it to read"
    went = [
        f"{row.campaign}/{row.touch} {reasoning.moment(row.sent_at, here.zone(case))}"
        for row in reader.deliveries(conn, contact=contact, states=(State.SENT,))
        if row.sent_at is not None and row.sent_at > since and row.channel in PERSONAL
        if (row.campaign, row.touch) != (case.claim.campaign, case.claim.touch)
    ]
    days = f"of the last {limits.SAME_WORDS.days} days"
    return f"not those {days}: {', '.join(went)}" if went else f"nothing else {days} to repeat"


def _nothing(conn: Connection, sought: _Sought, contact: int, now: datetime) -> Explanation:
    """Explain that there is no message, and that none is planned."""
    campaign, touch = sought.campaign, sought.touch
    person = people.contact(conn, contact)
    assert person is not None
    state, reason = State.CANCELLED, "no date of it is left"
    if touch.on is not None:
        sequence = campaign.sequence(touch.id)
        of_run = sequence[1].touch.id if sequence is not None else touch.id
        run = plans.last_run(conn, campaign.id, campaign.edition, of_run, contact)
        if run is None and not touch.answers_event:
            state, reason = State.PLANNED, f"follows {campaign.name_of(of_run)}, which has not reached them"
        elif run is None:
            state, reason = State.PLANNED, f"waits for {touch.on}: none so far"
        elif run.state == "open":
            state, reason = State.PLANNED, run.reason or "its run has not come to it yet"
        else:
            reason = f"no message of its run: {run.reason or run.state}"
    else:
        over = plans.occurrences(conn, campaign.id, campaign.edition, touch=touch.id)
        if over:
            state = State.EXPIRED if over[-1].state == "expired" else state
            reason = over[-1].reason or "its dates went by without them: they were not in its audience then"
    return Explanation(
        contact=contact,
        address=person.email or person.phone or f"#{contact}",
        campaign=campaign.id,
        edition=campaign.edition,
        touch=campaign.name_of(touch.id),
        channel=touch.channel[0],
        occurrence=None,
        zone=campaign.contact_zone(person.timezone),
        verdict=Verdict(state, False, now, reason),
        lines=tuple(reasoning.without_case(campaign, sought.stage, touch)),
    )


__all__ = ["ON_HOLD", "Earlier", "Explanation", "Line", "Verdict", "explain"]
