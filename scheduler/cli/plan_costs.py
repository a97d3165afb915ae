"""What a plan takes of what costs or runs out: parts of SMS, posts on X and their price, posts in 24 hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from campaigns import limits
from campaigns.limits import quota, sms
from campaigns.limits.model import Measure
from campaigns.timing import zones
from scheduler.cli import wording
from scheduler.cli.output import Piece, Screen, Span
from scheduler.cli.plan_rows import recipients

if TYPE_CHECKING:
    from campaigns.timeline import PlannedTouch
    from scheduler.cli.review import Review

_MOST_SIGNS = 3  # that make an SMS expensive are named on the screen: more are another alphabet
_LABELS = {"instagram": "Instagram", "threads": "Threads"}


@dataclass(frozen=True, slots=True)
class Texts:
    """The SMS of one touch for the longest of its readers.

    `moments` are those of the calendar that are still to come, None where an event starts it; `total` are the parts for
    everybody at most (once for each where an event starts it), None where nobody was counted.
    """

    touch: str
    parts: sms.Parts
    people: int | None
    moments: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Posts:
    """The posts on X still to come, those of them with a link, and their price in US dollars."""

    posts: int
    links: int
    post: limits.Price
    link: limits.Price

    @property
    def amount(self) -> Decimal:
        """What they cost together."""
        return self.post.amount * (self.posts - self.links) + self.link.amount * self.links


@dataclass(frozen=True, slots=True)
class Quota:
    """The posts of one channel still to come, the most of them in any 24 hours, and how many an account may post.

    `spread` are pairs of (touch, moment) that would keep to it, empty where they do.
    """

    channel: str
    posts: int
    most: int
    quota: int
    limit: limits.Limit
    spread: tuple[tuple[str, datetime], ...] = ()


def texts(review: Review) -> tuple[Texts, ...]:
    """Return what each SMS takes, in the order of the plan; one that could not be rendered is left out."""
    worst: dict[str, sms.Parts] = {}
    for posting in review.postings:
        if posting.channel == "sms":
            found = sms.parts(posting.text)
            known = worst.get(posting.touch)
            if known is None or (found.segments, found.units) > (known.segments, known.units):
                worst[posting.touch] = found
    made = []
    for touch in review.timeline.touches:
        if touch.id in worst:
            people = recipients(review, touch)
            moments = None if touch.trigger is not None else len(_coming(review, touch))
            rounds = 1 if moments is None else moments
            total = None if people is None else worst[touch.id].segments * people * rounds
            made.append(Texts(touch.id, worst[touch.id], people, moments, total))
    return tuple(made)


def posts(review: Review) -> Posts | None:
    """Return what the posts on X cost; None where there are none to come."""
    from campaigns.limits.text import links

    settings = review.loaded.campaign.limits
    linked = {posting.touch for posting in review.postings if posting.channel == "x" and links(posting.text)}
    coming = [touch.id for touch in _by_interface(review, "x") for _ in _coming(review, touch)]
    if not coming:
        return None
    with_link = sum(touch in linked for touch in coming)
    return Posts(len(coming), with_link, limits.price("x.price.post", settings), limits.price("x.price.link", settings))


def quotas(review: Review) -> tuple[Quota, ...]:
    """Return how far the posts of each channel with a quota use it up; channels without posts are left out."""
    found = []
    for one in limits.LIMITS:
        if one.measure is not Measure.POSTS_A_DAY:
            continue
        limit = limits.limit(one.name, review.loaded.campaign.limits)
        coming = sorted(
            (moment, touch.id) for touch in _by_interface(review, limit.channel) for moment in _coming(review, touch)
        )
        if not coming or limit.most is None:
            continue
        moments = [moment for moment, _ in coming]
        allowed = int(limit.most)
        most = quota.most_in_a_day(moments)
        spread = quota.spread(moments, allowed) if most > allowed else ()
        moved = tuple((touch, when) for (_, touch), when in zip(coming, spread, strict=False))
        found.append(Quota(limit.channel, len(coming), most, allowed, limit, moved))
    return tuple(found)


def _by_interface(review: Review, channel: str) -> list[PlannedTouch]:
    """Return the touches of a channel that the daemon sends itself: what is done by hand costs and uses up nothing."""
    return [touch for touch in review.timeline.touches if touch.channel == channel and not touch.by_hand]


def _coming(review: Review, touch: PlannedTouch) -> list[datetime]:
    if touch.id in review.cancelled:
        return []
    return [one.due_at for one in touch.occurrences if one.state == "planned" and one.due_at >= review.now]


def document(review: Review) -> dict[str, object]:
    """Return the same for other programs; amounts are texts, so that no cent is lost."""
    zone = review.loaded.campaign.zone
    found = posts(review)
    return {
        "sms": [
            {
                "touch": one.touch,
                "segments": one.parts.segments,
                "encoding": one.parts.encoding,
                "people": one.people,
                "moments": one.moments,
                "total": one.total,
            }
            for one in texts(review)
        ],
        "x": None
        if found is None
        else {
            "posts": found.posts,
            "with_link": found.links,
            "amount": str(found.amount),
            "currency": "USD",
            "source": found.post.source,
            "seen": found.post.seen,
        },
        "quotas": [
            {
                "channel": one.channel,
                "posts": one.posts,
                "most_in_24_hours": one.most,
                "quota": one.quota,
                "source": one.limit.source,
                "seen": one.limit.seen,
                "spread": [{"touch": touch, "due_at": zones.local(when, zone)} for touch, when in one.spread],
            }
            for one in quotas(review)
        ],
    }


def show(screen: Screen, review: Review) -> None:
    """Write a line for each SMS, for X, and for each quota; nothing where there is none of them."""
    table: list[list[Piece]] = [["  ", Span(name, "strong"), said] for name, said in _lines(review)]
    if table:
        screen.columns(table)
        screen.line()


def _lines(review: Review) -> Iterator[tuple[str, str]]:
    found = texts(review)
    for one in found:
        yield "SMS", f"{one.touch}: {_text(one)}"
    if len(found) > 1 and all(one.total is not None for one in found):
        total = sum(one.total or 0 for one in found)
        yield "SMS", f"≤{wording.count(total, 'part')} in all{_once(*found)}"
    if (on_x := posts(review)) is not None:
        links = f", {wording.thousands(on_x.links)} with a link" if on_x.links else ""
        each = f"{_dollars(on_x.post.amount)} each, {_dollars(on_x.link.amount)} with a link"
        yield "X", f"{wording.count(on_x.posts, 'post')}{links}: {_dollars(on_x.amount)} ({each})"
    for one_quota in quotas(review):
        used = f"at most {wording.thousands(one_quota.most)} in 24 hours, of {wording.thousands(one_quota.quota)}"
        yield _LABELS[one_quota.channel], f"{wording.count(one_quota.posts, 'post')}, {used}"


def _text(one: Texts) -> str:
    each = wording.count(one.parts.segments, "part")
    if one.parts.foreign:
        few = one.parts.foreign if len(one.parts.foreign) <= _MOST_SIGNS else ()
        each += f" (UCS-2{' for ' if few else ''}{' '.join(repr(sign) for sign in few)})"
    if one.total is None:
        return each
    people = wording.count(one.people or 0, "person", "people")
    return f"{each}, ≤{wording.thousands(one.total)} for {people}{_once(one)}"


def _once(*some: Texts) -> str:
    """Return that each person is counted once, where an event may start one of them again."""
    return ", once each" if any(one.moments is None for one in some) else ""


def _dollars(amount: Decimal) -> str:
    cents = f"{amount:.3f}"
    return "$" + (cents[:-1] if cents.endswith("0") else cents)
