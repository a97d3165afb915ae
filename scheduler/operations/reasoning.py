"""Every rule about a message with its value, as a person reads it: what was looked at, and whether it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns import planner, segments
from campaigns.definition import Stage, Touch
from campaigns.planner import courtesy_rules
from campaigns.segments import And, Expression, PastEvent
from campaigns.timing import constraints, zones
from scheduler import checks
from scheduler.cases import Case
from scheduler.catalog import InForce
from scheduler.checks import Ruling
from scheduler.circumstances import Circumstances
from scheduler.delivery import State
from scheduler.people import ADDRESS

# Facts that say who somebody is.
_PRIVATE = frozenset({"email", "phone", "first_name", "last_name", "ref", "birthday"})


@dataclass(frozen=True, slots=True)
class Line:
    """A rule and its value; `passes` is None where it is told and stops nothing."""

    rule: str
    value: str
    passes: bool | None = None


def moment(at: datetime, zone: str) -> str:
    """Write a moment in a zone: `Thu 21 Jan 2027 09:30`."""
    local = zones.local(at, zone)
    return f"{constraints.name_day(local.date())} {local.year} {local:%H:%M}"


def lines(here: Circumstances, case: Case, rulings: Sequence[Ruling], *, show: bool) -> Iterator[Line]:
    """Yield the rules in the order in which they are told; without rulings, of what is over, only the moment."""
    asked: Mapping[str, Callable[[], str]] = {
        "audience": lambda: _audience(here, case, show=show),
        "consent": lambda: _consent(here, case),
        "suppression": lambda: _suppression(here, case),
        "address": lambda: _address(here, case),
        "correction": lambda: _correction(here, case),
        "goal": lambda: _goal(here, case),
        "moment": lambda: _moment(here, case),
        "hours": lambda: _hours(here, case),
        "caps": lambda: _caps(here, case),
        "gap": lambda: _gap(here, case),
        "priority": lambda: _priority(here, case),
        "post above": lambda: _post_above(here, case),
        "approval": lambda: _approval(here, case),
        "pause": lambda: "paused" if _stopped(rulings, "pause") else "none",
        "campaign": lambda: str(here.campaign_states[case.claim.campaign]),
        "expiry": lambda: _expiry(here, case),
        "offer": lambda: _offer(here, case),
    }
    for rule, value in asked.items():
        ruling = next((one for one in rulings if one.rule == rule), None)
        if ruling is None:
            if rule == "moment":
                yield Line(rule, value())
            continue
        stops = ruling.withheld is not None
        said = value()
        if said or stops:
            why = ruling.withheld.reason if ruling.withheld is not None else ""
            text = said if not stops or why in said else f"{said}: {why}" if said else why
            yield Line(rule, text, passes=not stops)


def _suppression(here: Circumstances, case: Case) -> str:
    claim = case.claim
    return here.standing(case).suppressed(marketing=claim.marketing, channel=claim.channel) or "none"


def _correction(here: Circumstances, case: Case) -> str:
    """Return which message a correction follows; empty for all other messages."""
    if case.touch.corrects is None:
        return ""
    wrong = here.wrong_message(case)
    if wrong is None:
        return "of nothing"
    went = "was sent" if wrong.state == State.SENT.value else "may have been sent"
    return f"of {case.campaign.name_of(wrong.touch)}, which {went} {moment(wrong.began_at, here.zone(case))}"


def without_case(campaign: InForce, stage: Stage, touch: Touch) -> Iterator[Line]:
    """Yield what is known of a touch of which the person has no message."""
    audience = campaign.audience(stage, touch)
    if audience is not None:
        yield Line("audience", str(audience))
    if touch.on is None:
        return
    sequence = campaign.sequence(touch.id)
    if touch.answers_event or sequence is None:
        yield Line("starts on", touch.on)
    else:
        yield Line("follows", campaign.name_of(sequence[1].touch.id))


def _post_above(here: Circumstances, case: Case) -> str:
    if case.touch.hangs_on is None:
        return ""
    above = here.above(case)[0]
    state = "not planned" if above is None else above.state.value
    return f"{case.campaign.name_of(case.touch.hangs_on)}, {state}"


def _stopped(rulings: Sequence[Ruling], rule: str) -> bool:
    return any(one.rule == rule and one.withheld is not None for one in rulings)


def _audience(here: Circumstances, case: Case, *, show: bool) -> str:
    audience = case.campaign.audience(case.stage, case.touch)
    if audience is None:
        return "everybody"
    person = here.standing(case)
    facts = person.facts(here.today(case.campaign.campaign.zone))
    parts = audience.parts if isinstance(audience, And) else (audience,)
    told = []
    for part in _flat(parts):
        holds = segments.evaluate(part, facts, person.history, here.now)
        known = _known(part, facts, person.history, here, case, show=show)
        told.append(f"{part} ({'yes' if holds else 'no'}{f'; {known}' if known else ''})")
    return " and ".join(told)


def _flat(parts: Sequence[Expression]) -> Iterator[Expression]:
    for part in parts:
        if isinstance(part, And):
            yield from _flat(part.parts)
        else:
            yield part


def _known(
    part: Expression,
    facts: Mapping[str, object],
    history: Sequence[PastEvent],
    here: Circumstances,
    case: Case,
    *,
    show: bool,
) -> str:
    """Return the facts a part looks at: values of the person, and the last of the events it names."""
    told = []
    for name in sorted(segments.fields(part)):
        value = segments.fact_of(facts, name)
        hidden = name in _PRIVATE and not show and segments.is_known(value)
        told.append(f"{name} is {'hidden' if hidden else value if segments.is_known(value) else 'unknown'}")
    for name in sorted(segments.events(part)):
        last = max((event.at for event in history if event.name == name), default=None)
        told.append(f"last {name} {moment(last, here.zone(case))}" if last is not None else f"no {name}")
    return ", ".join(told)


def _consent(here: Circumstances, case: Case) -> str:
    if not case.claim.marketing:
        return "not asked: it is no marketing"
    given = here.standing(case).consents
    said = [f"{purpose} {'given' if agreed else 'withdrawn'}" for purpose, agreed in sorted(given.items())]
    return ", ".join(said) or "none was ever given"


def _address(here: Circumstances, case: Case) -> str:
    needed = ADDRESS.get(case.claim.channel)
    if needed is None:
        return ""
    return f"{case.claim.channel}: {needed} known" if here.standing(case).address(needed) else case.claim.channel


def _goal(here: Circumstances, case: Case) -> str:
    if case.touch.until is not None:
        return f"until {case.touch.until}"
    run = here.runs.get(case.claim.run) if case.claim.run is not None else None
    return f"its run is {run.state}" if run is not None else ""


def _moment(here: Circumstances, case: Case) -> str:
    """Say when it is due and why then: the author's words, and what moved them."""
    planned = here.timeline(case).touch(case.touch.id)
    zone = here.zone(case)
    own = here.standing(case).timezone if case.claim.contact is not None else ""
    whose = "" if own else " (it stands in: their own zone is unknown)"
    after = f"{planned.after or planned.trigger} {planned.delay}".strip() if planned.trigger is not None else ""
    why = "; ".join(part for part in (after, planned.reason) if part)
    return f"{moment(case.claim.due_at, zone)} {zone}{whose}: {why}".rstrip(": ")


def _hours(here: Circumstances, case: Case) -> str:
    bound = here.courtesy(case)[0]
    parts = [f"quiet {bound.quiet_hours}" if bound.quiet_hours is not None else ""]
    if bound.send_hours is not None:
        parts.append(f"only {bound.send_hours}")
    if len(bound.weekdays) < 7:
        parts.append(constraints.name_weekdays(bound.weekdays))
    if bound.avoid_holidays:
        parts.append("no holidays")
    if bound.closed_days:
        parts.append("no closed days")
    said = ", ".join(part for part in parts if part) or "free"
    return f"{said}; looked at {moment(here.now, here.zone(case))}"


def _caps(here: Circumstances, case: Case) -> str:
    if not case.claim.marketing:
        return "not asked: it is no marketing"
    wish, went = here.wish(case), here.standing(case).marketing
    if not wish.caps:
        return "none"
    told = []
    for cap in wish.caps:
        if not cap.counts(wish.channel):
            continue
        counted = courtesy_rules.counted(cap, went, here.now)
        which = ", ".join(f"{one.name} {moment(one.at, wish.zone)}" for one in counted)
        told.append(f"{cap}: {len(counted)} had" + (f" ({which})" if which else ""))
    return "; ".join(told)


def _gap(here: Circumstances, case: Case) -> str:
    wish, went = here.wish(case), here.standing(case).marketing
    if not case.claim.marketing or wish.min_gap is None:
        return "none"
    last = max(went, key=lambda one: one.at, default=None)
    said = f"last: {last.name} {moment(last.at, wish.zone)}" if last is not None else "nothing went in it"
    return f"{wish.min_gap}; {said}"


def _priority(here: Circumstances, case: Case) -> str:
    if not case.claim.marketing:
        return "not asked: it is no marketing"
    going = checks.competing(here, case)
    zone = here.zone(case)
    higher = ", ".join(f"{one.name} ({one.priority}) {moment(one.at, zone)}" for one in going)
    return f"{planner.priority(case.touch)}" + (f"; higher: {higher}" if higher else "; none higher is due")


def _approval(here: Circumstances, case: Case) -> str:
    decided = here.touch_state(case.claim)
    if decided.rejected:
        return "rejected"
    if case.touch.approval != "required":
        return "not required"
    approved = decided.approves(here.timeline(case).touch(case.touch.id).content_hash)
    return "required, given" if approved else "required, not given for these words"


def _expiry(here: Circumstances, case: Case) -> str:
    if case.claim.expires_at is None:
        return "never too late"
    fate = "held for you to decide" if case.claim.on_late == "ask" else "skipped"
    return f"until {moment(case.claim.expires_at, here.zone(case))}, then {fate}"


def _offer(here: Circumstances, case: Case) -> str:
    offer = here.offer(case)
    if offer is None:
        return ""
    ends = moment(offer.ends_at, here.zone(case)) if offer.ends_at is not None else "an open end"
    return f"{case.touch.offer} until {ends}"
