"""Who was sent wrong words: the deliveries of the touches that a correction corrects, by the words each one had."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Boolean, ColumnElement, Connection, Select, and_, false, func, literal, or_, select, true

from campaigns import planner
from campaigns.definition import Campaign, Corrects, Names
from campaigns.timeline import Timeline
from scheduler.delivery import GONE, OPEN, State
from scheduler.store.columns import Moment
from scheduler.store.conditions import UNSENT, in_states
from scheduler.store.tables import ATTEMPTS, CONTACTS, DELIVERIES, REVISIONS

_D = DELIVERIES.c
_A = ATTEMPTS.c
_R = REVISIONS.c
_STORED = Names(applied=True)

# What has the wrong words for certain, and what may have them: nobody knows whether it went.
REACHED = frozenset({State.SENT, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class WrongWords:
    """What a correction corrects, as the ledger can find it.

    `revisions` are, for each touch, those whose words are wrong. `since` (inclusive) and `before` (exclusive) bound the
    moments at which the messages began to go, aware; None is no bound. `others` are the other corrections of the
    edition, by their touches, that correct some of the same: who has one of them is left out.
    """

    campaign: str
    edition: str
    revisions: Mapping[str, frozenset[int]]
    since: datetime | None = None
    before: datetime | None = None
    others: tuple[tuple[str, WrongWords], ...] = ()


@dataclass(frozen=True, slots=True)
class WrongMessage:
    """The last message with wrong words that a person was sent, or may have been: `state` is sent or unknown."""

    contact: int
    delivery: int
    touch: str
    channel: str
    state: str
    provider_id: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class WrongPost:
    """A post with wrong words: `recipient` is `@` and the account, `detail` what the network said, often an address."""

    delivery: int
    touch: str
    channel: str
    recipient: str
    state: str
    provider_id: str
    detail: str
    began_at: datetime


class Moments(NamedTuple):
    """How many messages, and when the first and the last of them began to go."""

    messages: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """The revisions of an edition, by their numbers: the version of every touch in each, and every correction ever."""

    versions: Mapping[int, Mapping[str, str]]
    corrections: Mapping[str, Corrects]
    words: Mapping[tuple[str, str], str] = field(default_factory=dict)  # by touch and version: subject or first words


def history(conn: Connection, campaign: str, edition: str) -> History:
    """Read the revisions of an edition, all touches by their keys; a correction is as the last that had it says."""
    query = select(_R.number, _R.definition, _R.timeline).where(_R.campaign == campaign, _R.edition == edition)
    found: dict[int, Mapping[str, str]] = {}
    corrections: dict[str, Corrects] = {}
    words: dict[tuple[str, str], str] = {}
    for row in conn.execute(query.order_by(_R.number)):
        found[row.number] = planner.versions(row.definition, row.timeline)
        words |= {(key, one): _first_words(row.timeline["touches"][key]) for key, one in found[row.number].items()}
        for stage in row.definition["stages"]:
            for touch in stage.get("touches", ()):
                if (said := touch.get("corrects")) is not None:
                    corrections[touch["id"]] = Corrects.model_validate(said, context=_STORED)
    return History(found, corrections, words)


def _first_words(touch: Mapping[str, Any]) -> str:
    wording = touch["wording"]
    return (
        str(wording.get("subject") or wording.get("text") or wording.get("template") or "").strip().partition("\n")[0]
    )


def wrong_words(
    conn: Connection,
    campaign: str,
    edition: str,
    correction: str,
    corrects: Corrects,
    *,
    zone: str,
    planned: Mapping[str, str] | None = None,
) -> WrongWords:
    """Return what a correction of an edition corrects, by the keys of its touches.

    Without a version and a time, these are the words that differ from those of the revision that brought the
    correction: an edit that comes later makes nothing wrong that was right then. `planned` are the versions of a file
    that is not applied yet.
    """
    known = history(conn, campaign, edition)

    def wrong(name: str, said: Corrects) -> WrongWords:
        sent = known.versions
        right = next((found for _, found in sorted(sent.items()) if name in found), planned)
        revisions = {
            touch: frozenset(number for number in sent if planner.is_wrong(said, touch, sent[number], right))
            for touch in said.touch
        }
        return WrongWords(campaign, edition, revisions, *said.span(zone))

    others = tuple(
        (name, wrong(name, said))
        for name, said in known.corrections.items()
        if name != correction and set(said.touch) & set(corrects.touch)
    )
    return replace(wrong(correction, corrects), others=others)


def of_plan(conn: Connection, campaign: Campaign, timeline: Timeline) -> dict[str, WrongWords]:
    """Return what each correction of a campaign corrects, which may not be applied yet; by the keys of its touches."""
    corrections = [touch for _, touch in campaign.touches() if touch.corrects is not None]
    if not corrections:
        return {}
    planned = {
        touch.id: planner.version(campaign, touch, timeline.touch(touch.id).content_hash)
        for _, touch in campaign.touches()
    }
    return {
        touch.id: wrong_words(
            conn, campaign.id, timeline.edition, touch.id, touch.corrects, zone=campaign.zone, planned=planned
        )
        for touch in corrections
        if touch.corrects is not None
    }


# What an attempt says, for those from before it was kept: what its message was pinned to, else what was in force.
_worded_by = func.coalesce(
    _A.revision,
    _D.revision,
    select(func.max(_R.number))
    .where(_R.campaign == _D.campaign, _R.edition == _D.edition, _R.applied_at <= _A.started_at)
    .correlate(DELIVERIES, ATTEMPTS)
    .scalar_subquery(),
)


def is_affected(wrong: WrongWords) -> ColumnElement[bool]:
    """Return the condition on CONTACTS that a person was sent the wrong words, or may have been.

    Left out is who has another correction of them, or waits for it.
    """
    sent = _sent(wrong, _D.contact, without=OPEN | {State.SENT})
    return CONTACTS.c.id.in_(sent.where(_D.contact.is_not(None)))


def wrong_messages(conn: Connection, wrong: WrongWords, contacts: Collection[int]) -> dict[int, WrongMessage]:
    """Return for each of these people who has one the last message with wrong words.

    What another correction corrected counts no more once that one went, or may have: of two that wait one goes.
    """
    if not contacts:
        return {}
    query = _sent(
        wrong,
        _D.contact,
        _D.id,
        _D.touch,
        _D.channel,
        _D.state,
        _D.provider_id,
        _A.started_at,
        without=GONE,
    )
    query = query.where(_D.contact.in_(sorted(contacts))).order_by(_A.started_at, _D.id)
    return {row[0]: WrongMessage(*row) for row in conn.execute(query).all()}


def sent_words(
    conn: Connection, campaign: str, edition: str, touches: Collection[str]
) -> dict[tuple[str, int], dict[State, Moments]]:
    """Return what of these touches went, is going or may have gone, by touch and the revision that worded it."""
    query = (
        select(_D.touch, _worded_by, _D.state, func.count(), func.min(_A.started_at), func.max(_A.started_at))
        .select_from(DELIVERIES.join(ATTEMPTS, and_(_A.delivery == _D.id, _A.number == _D.attempts)))
        .where(_D.campaign == campaign, _D.edition == edition, _D.touch.in_(sorted(touches)), in_states(GONE))
        .group_by(_D.touch, _worded_by, _D.state)
    )
    found: dict[tuple[str, int], dict[State, Moments]] = {}
    for touch, revision, state, number, first_at, last_at in conn.execute(query):
        found.setdefault((touch, revision), {})[State(state)] = Moments(number, first_at, last_at)
    return found


def contacts_of(conn: Connection, wrong: WrongWords) -> tuple[frozenset[int], frozenset[int]]:
    """Return who was sent the wrong words, or may have been, and who of them has or awaits no correction of them."""
    everybody = _sent(wrong, _D.contact).where(_D.contact.is_not(None)).distinct()
    left = _sent(wrong, _D.contact, without=OPEN | {State.SENT}).where(_D.contact.is_not(None)).distinct()
    return frozenset(conn.execute(everybody).scalars()), frozenset(conn.execute(left).scalars())


def gone(conn: Connection, contacts: Collection[int]) -> frozenset[int]:
    """Return who of these people was erased."""
    query = select(CONTACTS.c.id).where(CONTACTS.c.id.in_(sorted(contacts)), CONTACTS.c.gone_at.is_not(None))
    return frozenset(conn.execute(query).scalars()) if contacts else frozenset()


def posts_of(conn: Connection, wrong: WrongWords) -> list[WrongPost]:
    """Return the posts with the wrong words that stand somewhere, or may, the first one first."""
    what = _D.id, _D.touch, _D.channel, _D.recipient, _D.state, _D.provider_id, _A.detail, _A.started_at
    query = _sent(wrong, *what).where(_D.contact.is_(None)).order_by(_A.started_at, _D.id)
    return [WrongPost(*row) for row in conn.execute(query).all()]


def waiting(conn: Connection, campaign: str, edition: str, touches: Collection[str]) -> dict[str, int]:
    """Return how many messages of each touch wait to go with the words in force."""
    query = select(_D.touch, func.count()).where(
        _D.campaign == campaign,
        _D.edition == edition,
        _D.touch.in_(sorted(touches)),
        in_states(UNSENT),
        _D.revision.is_(None),
    )
    return {touch: int(number) for touch, number in conn.execute(query.group_by(_D.touch)).all()}


def is_still_going(conn: Connection, wrong: WrongWords, revision: int) -> bool:
    """Whether more people may still be sent the wrong words: some are on their way, or wait with them.

    `revision` is the one in force: what is not pinned follows it.
    """
    waits = []
    for touch, revisions in wrong.revisions.items():
        pinned = func.coalesce(_D.revision, literal(revision)).in_(sorted(revisions))
        waits.append(and_(_D.touch == touch, or_(in_states({State.ATTEMPTING}), and_(in_states(UNSENT), pinned))))
    same = and_(_D.campaign == wrong.campaign, _D.edition == wrong.edition, or_(false(), *waits))
    return conn.execute(select(_D.id).where(same, in_states(OPEN)).limit(1)).first() is not None


def _sent(wrong: WrongWords, *what: ColumnElement[Any], without: Collection[State] = ()) -> Select[Any]:
    """Return a query over the messages with wrong words that went or may have gone, each with its last attempt.

    Left out is what another correction corrects, where the person's message of that one is in a state of `without`.
    """
    query = (
        select(*what)
        .select_from(DELIVERIES.join(ATTEMPTS, and_(_A.delivery == _D.id, _A.number == _D.attempts)))
        .where(_D.campaign == wrong.campaign, _D.edition == wrong.edition, in_states(REACHED), _has(wrong))
    )
    if without:
        for touch, words in wrong.others:
            other = DELIVERIES.alias()
            had = select(other.c.id).where(
                other.c.campaign == wrong.campaign,
                other.c.edition == wrong.edition,
                other.c.touch == touch,
                other.c.contact == _D.contact,
                other.c.state.in_([state.value for state in sorted(without)]),
            )
            query = query.where(~and_(_has(words), had.exists()))
    return query


def _has(wrong: WrongWords) -> ColumnElement[bool]:
    """Return the condition that an attempt had the wrong words."""
    worded = [
        and_(_D.touch == touch, _worded_by.in_(sorted(revisions)))
        for touch, revisions in wrong.revisions.items()
        if revisions
    ]
    since = true() if wrong.since is None else _A.started_at >= literal(wrong.since, Moment())
    before = true() if wrong.before is None else _A.started_at < literal(wrong.before, Moment())
    return and_(or_(*worded) if worded else literal(False, Boolean()), since, before)
