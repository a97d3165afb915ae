"""The last-moment checks: everything that may still stop a message, asked in the transaction of its attempt mark."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from campaigns import planner, segments
from campaigns.definition import Cap, Stage, Touch
from campaigns.timing import constraints, zones
from scheduler.catalog import InForce
from scheduler.delivery import State
from scheduler.errors import Withheld
from scheduler.runs import is_marketing
from scheduler.store import events, people, plans, reader
from scheduler.store.database import Connection
from scheduler.store.ledger import LATE, Claim

# What a person needs so that a channel can reach them.
_ADDRESS = {"email": "email", "sms": "phone", "whatsapp": "phone", "call": "phone"}
_MISSING = {"email": "no e-mail address", "phone": "no phone number"}

WAITS_FOR_APPROVAL = "waits for approval"

# How long after its moment a message waits for a cap that the one before it holds for a little longer.
_CAP_PATIENCE = timedelta(hours=1)


def last_moment(
    conn: Connection, campaign: InForce, claim: Claim, stage: Stage, touch: Touch, *, now: datetime
) -> None:
    """Raise `Withheld` with the state and the reason when the message may not go now.

    With the attempt mark it is asked under the contact's lock (`people.lock`), so that an opt-out acknowledged before
    the mark always stands. The order is from what concerns the campaign to what concerns the moment, so that the
    stored reason is the gravest.
    """
    _check_campaign(conn, campaign, claim, touch)
    _check_time(conn, campaign, claim, touch, now)
    if claim.contact is not None:
        _check_person(conn, campaign, claim, stage, touch, now)
    _check_courtesy(conn, campaign, claim, stage, touch, now)


def _check_campaign(conn: Connection, campaign: InForce, claim: Claim, touch: Touch) -> None:
    state = plans.campaign_state(conn, claim.campaign)
    decided = plans.touch_state(conn, claim.campaign, claim.edition, claim.touch)
    if state in (None, "cancelled"):
        raise Withheld(State.CANCELLED, "the campaign was cancelled")
    if state == "paused" or decided.paused:
        raise Withheld(State.PLANNED, "paused", next_at=claim.due_at)
    if decided.rejected:
        raise Withheld(State.CANCELLED, "rejected")
    if touch.approval == "required":
        content = campaign.timeline(plans.first_sent(conn, claim.campaign, claim.edition)).touch(touch.id).content_hash
        if decided.approved_hash != content:
            raise Withheld(State.HELD, WAITS_FOR_APPROVAL)


def _check_time(conn: Connection, campaign: InForce, claim: Claim, touch: Touch, now: datetime) -> None:
    if claim.expires_at is not None and now > claim.expires_at:
        raise too_late(claim)
    if touch.offer is not None:
        sent = plans.first_sent(conn, claim.campaign, claim.edition)
        ends = campaign.offer(touch.offer, touch, sent, now).ends_at
        if ends is not None and now > ends:
            raise Withheld(State.EXPIRED, f"{touch.offer} has ended")


def too_late(claim: Claim) -> Withheld:
    """Return what becomes of a message past its last moment, by the touch's `on_late`."""
    if claim.on_late == "ask":
        return Withheld(State.HELD, LATE)
    return Withheld(State.EXPIRED, LATE)


def _check_person(conn: Connection, campaign: InForce, claim: Claim, stage: Stage, touch: Touch, now: datetime) -> None:
    assert claim.contact is not None
    facts = people.facts(conn, claim.contact, today=zones.local(now, campaign.campaign.zone).date())
    needed = _ADDRESS.get(claim.channel)
    if needed is not None and not facts.get(needed):
        raise Withheld(State.SUPPRESSED, _MISSING[needed])
    if (why := people.suppressed(conn, claim.contact, marketing=claim.marketing)) is not None:
        raise Withheld(State.SUPPRESSED, why)
    if claim.marketing and not _consents(people.consents(conn, claim.contact), claim.channel):
        raise Withheld(State.SUPPRESSED, "no consent")
    _check_goal(conn, campaign, claim, stage, touch, now)
    audience = campaign.audience(stage, touch)
    if audience is not None:
        history = events.past(conn, claim.contact, until=now)
        if not segments.evaluate(audience, facts, history, now):
            raise Withheld(State.SUPPRESSED, "audience")


def _consents(given: Mapping[str, bool], channel: str) -> bool:
    """Whether the newest consents allow marketing by this channel: `marketing:sms` stands over `marketing`."""
    own = given.get(f"marketing:{channel}")
    return own if own is not None else given.get("marketing", False)


def _check_goal(conn: Connection, campaign: InForce, claim: Claim, stage: Stage, touch: Touch, now: datetime) -> None:
    """Stop what has reached its goal: an ended run, or a calendar touch at or after one whose `until:` happened."""
    assert claim.contact is not None
    if claim.run is not None:
        run = plans.run(conn, claim.run)
        if run is None or run.state != "open":
            raise Withheld(State.CANCELLED, run.reason if run is not None else "its run is gone")
        return
    for earlier in stage.touches:
        if earlier.on is None and earlier.until is not None:
            since = events.latest(conn, claim.contact, earlier.until, until=now)
            if since is not None and since >= campaign.reference:
                raise Withheld(State.SUPPRESSED, f"goal reached: {earlier.until}")
        if earlier.id == touch.id:
            return


def _check_cap(conn: Connection, cap: Cap, claim: Claim, now: datetime) -> None:
    """Withhold what a cap does not allow; what it allows again within the hour waits, since sending takes time.

    Without that a touch of every day at ten would lose every other day to the seconds that yesterday's took.
    """
    assert claim.contact is not None
    span = timedelta(days=cap.days)
    sent = reader.marketing_sent(conn, claim.contact, now - span)
    if len(sent) < cap.times:
        return
    free_at = sent[len(sent) - cap.times] + span
    last_at = claim.due_at + _CAP_PATIENCE
    if claim.expires_at is not None:
        last_at = min(last_at, claim.expires_at)
    if free_at > last_at:
        raise Withheld(State.SUPPRESSED, f"cap: {cap}")
    raise Withheld(State.PLANNED, f"waits: {cap}", next_at=free_at)


def _check_courtesy(
    conn: Connection, campaign: InForce, claim: Claim, stage: Stage, touch: Touch, now: datetime
) -> None:
    zone = campaign.campaign.zone
    if claim.contact is not None:
        zone = campaign.contact_zone(people.timezone(conn, claim.contact))
        if is_marketing(touch):
            for cap in planner.courtesy(campaign.campaign, stage, touch).caps:
                _check_cap(conn, cap, claim, now)
    rules = planner.rules(campaign.campaign, stage, touch)
    country = campaign.campaign.country
    if constraints.is_allowed(now, zone, rules, country):
        return
    allowed = constraints.next_allowed(now, zone, rules, country)
    if allowed is not None and allowed <= now:
        # The hour that comes twice in autumn: allowed by the day's slots, not by the clock on the wall.
        allowed = now + timedelta(hours=1)
    if allowed is None or (claim.expires_at is not None and allowed > claim.expires_at):
        raise too_late(claim)
    raise Withheld(State.PLANNED, "waits for the next allowed hour", next_at=allowed)
