"""The last-moment checks: everything that may still stop a message, asked in the transaction of its attempt mark."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns import planner, segments
from campaigns.errors import CampaignError
from campaigns.planner import Blocked, Wish, courtesy_rules
from campaigns.timing import constraints
from scheduler.catalog import InForce
from scheduler.circumstances import Case, Circumstances
from scheduler.delivery import TERMINAL, WAITING, State
from scheduler.errors import FAULTS, Withheld
from scheduler.people import ADDRESS
from scheduler.store import ledger
from scheduler.store.database import Connection
from scheduler.store.ledger import LATE, Claim
from scheduler.store.plans import RunRecord
from scheduler.store.standings import Standing

MISSING = {"email": "no e-mail address", "phone": "no phone number"}

WAITS_FOR_APPROVAL = "waits for approval"
PAUSED = "paused"
WAITS_FOR_POST = "waits for "  # and the name of the post that it hangs on
# How soon what hangs on a post is looked at again: where that is on its way, and where it may take long. Its outcome
# wakes it sooner.
_GOING, _LOOKS_AGAIN = timedelta(minutes=1), timedelta(minutes=10)
NOTHING_TO_CORRECT = "was not sent the wrong words"


@dataclass(frozen=True, slots=True)
class Rule:
    """One question that is asked at the last moment: `check` raises `Withheld` where the message may not go now.

    What `of_touch` says yes to, it says to every message of the touch in the same circumstances. Where `concerns` says
    no, the rule says nothing of any message of the touch that is of its kind: of a run or not, for a person or not,
    marketing or not.
    """

    name: str
    check: Callable[[Circumstances, Case], None]
    of_touch: bool = False
    concerns: Callable[[Circumstances, Case], bool] | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule says of a message: `withheld` is None where it lets it go."""

    rule: str
    withheld: Withheld | None


def last_moment(here: Circumstances, case: Case) -> None:
    """Raise `Withheld` with the state and the reason when the message may not go now.

    With the attempt mark it is asked of circumstances read under the contact's lock (`standings.lock`), so that an
    opt-out acknowledged before the mark always stands. The order is from what concerns the campaign to what concerns
    the moment, so that the stored reason is the gravest.
    """
    claim = case.claim
    kind = (case.campaign, claim.edition, claim.touch, claim.run is None, claim.contact is None, claim.marketing)
    left = here.asked.get(kind)
    if left is None:
        for rule in RULES:
            if rule.of_touch:
                rule.check(here, case)
        left = here.asked[kind] = tuple(
            rule.check for rule in RULES if not rule.of_touch and (rule.concerns is None or rule.concerns(here, case))
        )
    for check in left:
        check(here, case)


def rulings(here: Circumstances, case: Case) -> list[Ruling]:
    """Return what every rule says, in their order; the first that withholds the message is what `last_moment` raises.

    A rule that cannot be asked lets the message fail, as it does at the last moment.
    """
    found = []
    for rule in RULES:
        withheld = None
        try:
            rule.check(here, case)
        except Withheld as said:
            withheld = said
        except CampaignError as error:
            withheld = Withheld(State.FAILED, str(error))
        found.append(Ruling(rule.name, withheld))
    return found


def wake_hanging(conn: Connection, campaign: InForce, claim: Claim, *, now: datetime) -> None:
    """Let what hangs on a post be looked at now that the post has ended, sent or not."""
    if hanging := campaign.hanging_on(claim.touch):
        ledger.wake(conn, claim, hanging, waiting=f"{WAITS_FOR_POST}%", now=now)


def _check_campaign(here: Circumstances, case: Case) -> None:
    if here.campaign_states[case.claim.campaign] in (None, "cancelled"):
        raise Withheld(State.CANCELLED, "the campaign was cancelled")


def _check_pause(here: Circumstances, case: Case) -> None:
    if here.campaign_states[case.claim.campaign] == "paused" or here.touch_state(case.claim).paused:
        raise Withheld(State.PLANNED, PAUSED, next_at=case.claim.due_at)


def _check_hanging(here: Circumstances, case: Case) -> None:
    """Let a post that hangs on another wait until that one is known to have gone, and end it where it did not."""
    if case.touch.hangs_on is None:
        return
    above, name = here.above(case)[0], case.campaign.name_of(case.touch.hangs_on)
    if above is not None and above.state is State.SENT:
        return
    if above is not None and above.state in TERMINAL:
        raise Withheld(State.CANCELLED, f"{name} did not go: {above.reason or above.state.value}")
    if above is None:
        if case.claim.expires_at is not None and here.now > case.claim.expires_at:
            return  # nothing will come of that any more: it is too late
        raise Withheld(State.PLANNED, f"{WAITS_FOR_POST}{name}", next_at=here.now + _LOOKS_AGAIN)
    if above.state in WAITING:
        next_at = max(above.next_at, here.now + _GOING)
        raise Withheld(State.PLANNED, f"{WAITS_FOR_POST}{name}", next_at=next_at)
    if above.state in (State.CLAIMED, State.ATTEMPTING):
        raise Withheld(State.PLANNED, f"{WAITS_FOR_POST}{name}", next_at=here.now + _GOING)
    said = f"{WAITS_FOR_POST}{name}, which is {above.state.value}"
    raise Withheld(State.PLANNED, said, next_at=here.now + _LOOKS_AGAIN)


def _check_approval(here: Circumstances, case: Case) -> None:
    decided = here.touch_state(case.claim)
    if decided.rejected:
        raise Withheld(State.CANCELLED, "rejected")
    if case.touch.approval == "required":
        content = here.timeline(case).touch(case.touch.id).content_hash
        if not decided.approves(content):
            raise Withheld(State.HELD, WAITS_FOR_APPROVAL)


def _check_expiry(here: Circumstances, case: Case) -> None:
    if case.claim.expires_at is not None and here.now > case.claim.expires_at:
        raise too_late(case.claim)


def _check_offer(here: Circumstances, case: Case) -> None:
    offer = here.offer(case)
    if offer is not None and offer.ends_at is not None and here.now > offer.ends_at:
        raise Withheld(State.EXPIRED, f"{case.touch.offer} has ended")


def too_late(claim: Claim) -> Withheld:
    """Return what becomes of a message past its last moment, by the touch's `on_late`."""
    if claim.on_late == "ask":
        return Withheld(State.HELD, LATE)
    return Withheld(State.EXPIRED, LATE)


def _check_address(here: Circumstances, case: Case) -> None:
    needed = ADDRESS.get(case.claim.channel)
    if case.claim.contact is not None and needed is not None and not here.standing(case).address(needed):
        raise Withheld(State.SUPPRESSED, MISSING[needed])


def _check_suppression(here: Circumstances, case: Case) -> None:
    if case.claim.contact is None:
        return
    person = here.standing(case)
    if not person.suppressions:
        return
    if (why := person.suppressed(marketing=case.claim.marketing, channel=case.claim.channel)) is not None:
        raise Withheld(State.SUPPRESSED, why)


def _check_consent(here: Circumstances, case: Case) -> None:
    claim = case.claim
    if claim.contact is not None and claim.marketing and not consents(here.standing(case).consents, claim.channel):
        raise Withheld(State.SUPPRESSED, "no consent")


def consents(given: Mapping[str, bool], channel: str) -> bool:
    """Whether the newest consents allow marketing by this channel: `marketing:sms` stands over `marketing`."""
    own = given.get(f"marketing:{channel}")
    return own if own is not None else given.get("marketing", False)


def _check_goal(here: Circumstances, case: Case) -> None:
    """Stop what has reached its goal: an ended run, or a calendar touch at or after one whose `until:` happened."""
    if case.claim.contact is None:
        return
    person = here.standing(case)
    if case.claim.run is not None:
        run = here.runs.get(case.claim.run)
        if run is None or run.state != "open":
            raise Withheld(State.CANCELLED, run.reason if run is not None else "its run is gone")
        _check_awaited(here, case, run)
        return
    if case.touch.corrects is not None:  # who bought by the wrong words needs the right ones
        if case.touch.until is not None and _happened(case, person, case.touch.until):
            raise Withheld(State.SUPPRESSED, f"goal reached: {case.touch.until}")
        return
    own = case.campaign.sequence(case.touch.id)
    for earlier in case.stage.touches:
        is_own = own is not None and earlier.id == own[1].touch.id
        goal = case.touch.until if is_own else earlier.until
        if earlier.on is None and goal is not None and _happened(case, person, goal):
            raise Withheld(State.SUPPRESSED, f"goal reached: {goal}")
        if is_own:
            return


def _check_correction(here: Circumstances, case: Case) -> None:
    """Stop a correction of what turned out not to have gone: then the right words go instead."""
    if case.touch.corrects is not None and here.wrong_message(case) is None:
        raise Withheld(State.SUPPRESSED, NOTHING_TO_CORRECT)


def _check_awaited(here: Circumstances, case: Case, run: RunRecord) -> None:
    """Stop what counts from an order that is still to come once it has come, however the store was told of it."""
    name = planner.awaited_event(case.touch)
    if name is None:
        return
    last_at = here.latest(run.contact, name)
    if last_at is not None and last_at > here.events[run.event].at:
        raise Withheld(State.CANCELLED, f"{name} came first")


def _happened(case: Case, person: Standing, goal: str) -> bool:
    return any(event.name == goal and event.at >= case.campaign.reference for event in person.history)


def _check_audience(here: Circumstances, case: Case) -> None:
    audience = case.campaign.audience(case.stage, case.touch)
    if case.claim.contact is None or audience is None:
        return
    person = here.standing(case)
    facts = person.facts(here.today(case.campaign.campaign.zone)) if here.asks_facts(case) else {}
    if not segments.evaluate(audience, facts, person.history, here.now):
        raise Withheld(State.SUPPRESSED, "audience")


def _check_hours(here: Circumstances, case: Case) -> None:
    claim, zone = case.claim, here.zone(case)
    if here.is_allowed(case, zone):
        return
    allowed = _allowed(here, case, here.now)
    if allowed is not None and allowed <= here.now:
        # The hour that comes twice in autumn: allowed by the day's slots, not by the clock on the wall.
        allowed = here.now + timedelta(hours=1)
    if allowed is None or (claim.expires_at is not None and allowed > claim.expires_at):
        raise too_late(claim)
    raise Withheld(State.PLANNED, "waits for the next allowed hour", next_at=allowed)


def _allowed(here: Circumstances, case: Case, moment: datetime) -> datetime | None:
    rules = here.courtesy(case)[1]
    return constraints.next_allowed(moment, here.zone(case), rules, case.campaign.campaign.country)


def _check_caps(here: Circumstances, case: Case) -> None:
    if _is_marketing(case) and here.standing(case).marketing:  # nothing went, nothing is counted
        _unless(here, case, courtesy_rules.of_caps(here.wish(case), here.standing(case).marketing))


def _check_gap(here: Circumstances, case: Case) -> None:
    if _is_marketing(case) and here.standing(case).marketing:
        _unless(here, case, courtesy_rules.of_gap(here.wish(case), here.standing(case).marketing))


def _check_priority(here: Circumstances, case: Case) -> None:
    if _is_marketing(case) and here.has_rivals(case):
        going = competing(here, case)
        _unless(here, case, courtesy_rules.of_priority(here.wish(case), here.standing(case).marketing, going))


def competing(here: Circumstances, case: Case) -> list[Wish]:
    """Return the messages of a higher priority that are to go to the same person and may, as far as is known now."""
    return [wish for rival, wish in here.rivals(case) if may_go(here, rival)]


def may_go(here: Circumstances, case: Case) -> bool:
    """Whether nothing but hours, caps, gaps and priorities is asked of a message any more."""
    try:
        for rule in _OF_ITSELF:
            rule.check(here, case)
    except FAULTS:  # `Withheld` above all
        return False
    return True


def _is_marketing(case: Case) -> bool:
    return case.claim.contact is not None and case.claim.marketing


def _unless(here: Circumstances, case: Case, blocked: Blocked | None) -> None:
    """Withhold what is blocked: until it is free and allowed again, for good where that is too late for it."""
    if blocked is None:
        return
    if blocked.free_at is not None:
        allowed = _allowed(here, case, blocked.free_at)
        last_at = case.claim.expires_at
        if allowed is not None and (last_at is None or allowed <= last_at):
            raise Withheld(State.PLANNED, blocked.reason, next_at=max(allowed, blocked.free_at))
    raise Withheld(State.SUPPRESSED, replace(blocked, free_at=None).reason)


def _is_personal(_here: Circumstances, case: Case) -> bool:
    return case.claim.contact is not None


def _is_of_marketing(_here: Circumstances, case: Case) -> bool:
    return _is_marketing(case)


def _has_offer(_here: Circumstances, case: Case) -> bool:
    return case.touch.offer is not None


def _is_correction(_here: Circumstances, case: Case) -> bool:
    return case.touch.corrects is not None


def _has_goal(_here: Circumstances, case: Case) -> bool:
    return case.claim.run is not None or any(touch.until for touch in (case.touch, *case.stage.touches))


def _has_audience(_here: Circumstances, case: Case) -> bool:
    return case.campaign.audience(case.stage, case.touch) is not None


def _may_give_way(here: Circumstances, case: Case) -> bool:
    return _is_marketing(case) and here.are_rivals


_OF_ITSELF = (
    Rule("campaign", _check_campaign, of_touch=True),
    Rule("pause", _check_pause, of_touch=True),
    Rule("approval", _check_approval, of_touch=True),
    Rule("post above", _check_hanging, concerns=lambda _here, case: case.touch.hangs_on is not None),
    Rule("expiry", _check_expiry),
    Rule("offer", _check_offer, concerns=_has_offer),
    Rule("address", _check_address, concerns=_is_personal),
    Rule("suppression", _check_suppression, concerns=_is_personal),
    Rule("consent", _check_consent, concerns=_is_of_marketing),
    Rule("correction", _check_correction, concerns=_is_correction),
    Rule("goal", _check_goal, concerns=_has_goal),
    Rule("audience", _check_audience, concerns=_has_audience),
)
RULES = (
    *_OF_ITSELF,
    Rule("hours", _check_hours),
    Rule("caps", _check_caps, concerns=_is_of_marketing),
    Rule("gap", _check_gap, concerns=_is_of_marketing),
    Rule("priority", _check_priority, concerns=_may_give_way),
)
