"""The last-moment checks: everything that may still stop a message, asked in the transaction of its attempt mark."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from campaigns import planner, segments
from campaigns.definition import Cap
from campaigns.timing import constraints
from scheduler.circumstances import Case, Circumstances
from scheduler.delivery import State
from scheduler.errors import Withheld
from scheduler.store.ledger import LATE, Claim
from scheduler.store.plans import RunRecord
from scheduler.store.standings import Standing

# What a person needs so that a channel can reach them.
_ADDRESS = {"email": "email", "sms": "phone", "whatsapp": "phone", "call": "phone"}
_MISSING = {"email": "no e-mail address", "phone": "no phone number"}

WAITS_FOR_APPROVAL = "waits for approval"

# How long after its moment a message waits for a cap that the one before it holds for a little longer.
_CAP_PATIENCE = timedelta(hours=1)


def last_moment(here: Circumstances, case: Case) -> None:
    """Raise `Withheld` with the state and the reason when the message may not go now.

    With the attempt mark it is asked of circumstances read under the contact's lock (`standings.lock`), so that an
    opt-out acknowledged before the mark always stands. The order is from what concerns the campaign to what concerns
    the moment, so that the stored reason is the gravest.
    """
    _check_campaign(here, case)
    _check_time(here, case)
    if case.claim.contact is not None:
        _check_person(here, case, here.standing(case))
    _check_courtesy(here, case)


def _check_campaign(here: Circumstances, case: Case) -> None:
    state = here.campaign_states[case.claim.campaign]
    decided = here.touch_state(case.claim)
    if state in (None, "cancelled"):
        raise Withheld(State.CANCELLED, "the campaign was cancelled")
    if state == "paused" or decided.paused:
        raise Withheld(State.PLANNED, "paused", next_at=case.claim.due_at)
    if decided.rejected:
        raise Withheld(State.CANCELLED, "rejected")
    if case.touch.approval == "required":
        content = here.timeline(case).touch(case.touch.id).content_hash
        if not decided.approves(content):
            raise Withheld(State.HELD, WAITS_FOR_APPROVAL)


def _check_time(here: Circumstances, case: Case) -> None:
    if case.claim.expires_at is not None and here.now > case.claim.expires_at:
        raise too_late(case.claim)
    offer = here.offer(case)
    if offer is not None and offer.ends_at is not None and here.now > offer.ends_at:
        raise Withheld(State.EXPIRED, f"{case.touch.offer} has ended")


def too_late(claim: Claim) -> Withheld:
    """Return what becomes of a message past its last moment, by the touch's `on_late`."""
    if claim.on_late == "ask":
        return Withheld(State.HELD, LATE)
    return Withheld(State.EXPIRED, LATE)


def _check_person(here: Circumstances, case: Case, person: Standing) -> None:
    claim = case.claim
    needed = _ADDRESS.get(claim.channel)
    if needed is not None and not person.address(needed):
        raise Withheld(State.SUPPRESSED, _MISSING[needed])
    if (why := person.suppressed(marketing=claim.marketing)) is not None:
        raise Withheld(State.SUPPRESSED, why)
    if claim.marketing and not _consents(person.consents, claim.channel):
        raise Withheld(State.SUPPRESSED, "no consent")
    _check_goal(here, case, person)
    audience = case.campaign.audience(case.stage, case.touch)
    if audience is None:
        return
    facts = person.facts(here.today(case.campaign.campaign.zone))
    if not segments.evaluate(audience, facts, person.history, here.now):
        raise Withheld(State.SUPPRESSED, "audience")


def _consents(given: Mapping[str, bool], channel: str) -> bool:
    """Whether the newest consents allow marketing by this channel: `marketing:sms` stands over `marketing`."""
    own = given.get(f"marketing:{channel}")
    return own if own is not None else given.get("marketing", False)


def _check_goal(here: Circumstances, case: Case, person: Standing) -> None:
    """Stop what has reached its goal: an ended run, or a calendar touch at or after one whose `until:` happened."""
    if case.claim.run is not None:
        run = here.runs.get(case.claim.run)
        if run is None or run.state != "open":
            raise Withheld(State.CANCELLED, run.reason if run is not None else "its run is gone")
        _check_awaited(here, case, run)
        return
    for earlier in case.stage.touches:
        if earlier.on is None and earlier.until is not None and _happened(case, person, earlier.until):
            raise Withheld(State.SUPPRESSED, f"goal reached: {earlier.until}")
        if earlier.id == case.touch.id:
            return


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


def _check_cap(here: Circumstances, claim: Claim, cap: Cap, person: Standing) -> None:
    """Withhold what a cap does not allow; what it allows again within the hour waits, since sending takes time.

    Without that a touch of every day at ten would lose every other day to the seconds that yesterday's took.
    """
    span = timedelta(days=cap.days)
    sent = [at for at in person.marketing if at > here.now - span]
    if len(sent) < cap.times:
        return
    free_at = sent[len(sent) - cap.times] + span
    last_at = claim.due_at + _CAP_PATIENCE
    if claim.expires_at is not None:
        last_at = min(last_at, claim.expires_at)
    if free_at > last_at:
        raise Withheld(State.SUPPRESSED, f"cap: {cap}")
    raise Withheld(State.PLANNED, f"waits: {cap}", next_at=free_at)


def _check_courtesy(here: Circumstances, case: Case) -> None:
    claim, now = case.claim, here.now
    zone = here.zone(case)
    bound, rules = here.courtesy(case)
    if claim.contact is not None and claim.marketing:
        for cap in bound.caps:
            _check_cap(here, claim, cap, here.standing(case))
    if here.is_allowed(case, zone):
        return
    allowed = constraints.next_allowed(now, zone, rules, case.campaign.campaign.country)
    if allowed is not None and allowed <= now:
        # The hour that comes twice in autumn: allowed by the day's slots, not by the clock on the wall.
        allowed = now + timedelta(hours=1)
    if allowed is None or (claim.expires_at is not None and allowed > claim.expires_at):
        raise too_late(claim)
    raise Withheld(State.PLANNED, "waits for the next allowed hour", next_at=allowed)
