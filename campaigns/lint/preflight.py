"""The limits of the networks as rules, one a limit and called like it: measured value, limit, source, day, remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

from campaigns import limits
from campaigns.definition import Touch
from campaigns.errors import Place
from campaigns.finding import Level
from campaigns.limits import media, quota, sms
from campaigns.limits.forms import COMMENT
from campaigns.limits.model import TEXT_MEASURES, Applies, Limit, Measure
from campaigns.lint.posting import Posting
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.timing import zones

NAMES = {
    "facebook": "Facebook",
    "instagram": "Instagram",
    "threads": "Threads",
    "mastodon": "Mastodon",
    "bluesky": "Bluesky",
    "linkedin": "LinkedIn",
    "x": "X",
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
    "sms": "an SMS",
    "slack": "Slack",
}


def _text(limit: Limit, view: View) -> Iterator[Trouble]:
    """Yield the longest of each touch's messages, where it is too long."""
    from campaigns.limits import measuring  # with a large library for graphemes, which mails do without

    worst: dict[str, tuple[int, Posting]] = {}
    for posting in view.postings:
        if not _applies(limit, posting):
            continue
        value = measuring.count(limit.measure, posting.text)
        if not limit.holds(value) and value > worst.get(posting.touch, (-1, posting))[0]:
            worst[posting.touch] = value, posting
    for value, posting in worst.values():
        place = posting.text_place
        over = value - int(limit.most or 0)
        if counted := measuring.counted(limit.measure, posting.text):
            place = posting.where(counted[-over])
            todo = f"leave out {over}"
        elif limit.measure is Measure.SEGMENTS:
            todo = _shorter(sms.parts(posting.text))
        else:
            todo = f"shorten it by {over}"
        yield _trouble(limit, posting.name, f"{value:,} {limit.measure.value}", place, todo)


def _shorter(parts: sms.Parts) -> str:
    if not parts.foreign:
        return "shorten it: a part has 153 characters"
    signs = " ".join(f"'{sign}'" for sign in parts.foreign[:6])
    return f"shorten it, or do without {signs}: with them a part has 67 characters, else 153"


def _applies(limit: Limit, posting: Posting) -> bool:
    if not _concerns(limit, posting):
        return False
    if limit.applies is Applies.WITH_MEDIA:
        return bool(posting.media)
    return limit.applies is not Applies.WITHOUT_MEDIA or not posting.media


def _concerns(limit: Limit, posting: Posting) -> bool:
    """Whether a limit is about messages of this channel and form."""
    if posting.channel != limit.channel:
        return False
    return posting.form in limit.forms or (not limit.forms and posting.form != COMMENT)


def _count(limit: Limit, view: View) -> Iterator[Trouble]:
    """Yield each touch with too many or too few pictures and videos."""
    for posting in _once(limit, view):
        value = len(posting.media)
        if limit.holds(value):
            continue
        few = limit.least is not None and value < limit.least
        place = posting.place if few or not posting.media_places else posting.media_places[-1]
        todo = "add some" if few else f"leave out {value - int(limit.most or 0)}"
        yield _trouble(limit, posting.touch, f"{value or 'no'} {limit.measure.value}", place, todo)


def _descriptions(limit: Limit, view: View) -> Iterator[Trouble]:
    """Yield each description that is too long."""
    for posting in _once(limit, view):
        for (file, alt), place in zip(posting.media, posting.media_places, strict=True):
            if not limit.holds(len(alt)):
                over = len(alt) - int(limit.most or 0)
                said = f"{len(alt):,} {limit.measure.value}"
                yield _trouble(limit, f"{posting.touch}: {file}", said, place, f"shorten it by {over}")


def _files(limit: Limit, view: View) -> Iterator[Trouble]:
    """Yield each picture or video that is not as the network takes it."""
    known = view.facts.media or {}
    kind = "image" if limit.applies is Applies.IMAGES else "video"
    # Who posts by hand is given a copy that is small enough and in a format that the network takes.
    copied = kind == "image" and limit.measure in (Measure.FORMAT, Measure.SIZE)
    by_hand = {touch.id for _, touch in view.campaign.touches() if touch.is_by_hand} if copied else ()
    for posting in _once(limit, view):
        if posting.touch in by_hand:
            continue
        for (file, _alt), place in zip(posting.media, posting.media_places, strict=True):
            facts = known.get(file)
            if facts is None or facts.kind != kind:
                continue
            name = f"{posting.touch}: {file}"
            if limit.formats:
                if facts.format not in limit.formats:
                    yield _trouble(limit, name, facts.format or "no known format", place, "")
                continue
            value = _measured(limit.measure, facts)
            if value is not None and not limit.holds(value):
                yield _trouble(limit, name, _written(limit.measure, value), place, _todo(limit, value))


def _measured(measure: Measure, facts: media.MediaFacts) -> Decimal | None:
    if measure is Measure.SIZE:
        return Decimal(facts.size)
    if measure is Measure.DURATION:
        return facts.seconds
    if not facts.width:
        return None
    return {
        Measure.WIDTH: Decimal(facts.width),
        Measure.SIDES: Decimal(facts.width + facts.height),
        Measure.PIXELS: Decimal(facts.width * facts.height),
    }.get(measure, facts.aspect)


def _todo(limit: Limit, value: Decimal) -> str:
    above = limit.most is not None and value > limit.most
    return {
        Measure.SIZE: "save it smaller, or at a lower quality",
        Measure.ASPECT: "crop it at the sides" if above else "crop it above and below",
        Measure.DURATION: "cut it" if above else "take a longer one",
        Measure.WIDTH: "take a larger one",
    }.get(limit.measure, "scale it down")


def _posts(limit: Limit, view: View) -> Iterator[Trouble]:
    """Yield the first post that goes over what an account may post in 24 hours, with moments that would do.

    Comments are no posts; where a network counts replies apart they are none either.
    """
    campaign, timeline = view.campaign, view.timeline
    apart = {touch.id for _, touch in campaign.touches() if touch.is_comment or _is_reply_apart(touch)}
    if limit.measure is Measure.REPLIES_A_DAY:
        counted = {touch.id for _, touch in campaign.touches() if touch.hangs_on is not None}
    else:
        counted = {touch.id for _, touch in campaign.touches()} - apart
    moments = sorted(
        (moment.due_at, touch.id)
        for touch in timeline.touches
        if touch.channel == limit.channel and not touch.by_hand and touch.id in counted
        for moment in touch.occurrences
        if moment.state == "planned" and moment.due_at >= timeline.now
    )
    most = quota.most_in_a_day([moment for moment, _ in moments])
    if limit.most is None or most <= limit.most:
        return
    moved = quota.spread([moment for moment, _ in moments], int(limit.most))
    changed = [(touch, when) for (due, touch), when in zip(moments, moved, strict=True) if when != due]
    touch, _when = changed[0]
    shown = ", ".join(f"{one} {zones.local(when, campaign.zone):%d %b %H:%M}" for one, when in changed[:4])
    rest = f" and {len(changed) - 4} more" if len(changed) > 4 else ""
    place = campaign.place(*campaign.touch_path(touch))
    message = f"{NAMES[limit.channel]}: {most} {limit.measure.value}; an account may have {bounds(limit)}"
    yield Trouble(message, place, f"spread them: {shown}{rest} - {_source(limit)}")


def _is_reply_apart(touch: Touch) -> bool:
    """Whether a network has a number of replies of its own beside that of posts."""
    own = (one for one in limits.LIMITS if one.measure is Measure.REPLIES_A_DAY)
    return touch.hangs_on is not None and touch.channel[0] in {one.channel for one in own}


def _once(limit: Limit, view: View) -> Iterator[Posting]:
    """Yield one message of each touch on the limit's channel: media are the same for every reader."""
    found = {posting.touch: posting for posting in view.postings if _concerns(limit, posting)}
    yield from found.values()


def _trouble(limit: Limit, name: str, measured: str, place: Place, todo: str) -> Trouble:
    takes = "takes" if limit.strict else "should have" if limit.channel == "sms" else "wants"
    message = f"{name}: {measured}; {NAMES[limit.channel]} {takes} {bounds(limit)}"
    return Trouble(message, place, f"{limit.remedy or todo} - {_source(limit)}")


def _source(limit: Limit) -> str:
    return f"`{limit.name}`, " + ("set under `limits:`" if limit.is_set else f"read {limit.seen} at {limit.source}")


def bounds(limit: Limit) -> str:
    """Write what a limit allows: `at most 300`, `4:5 to 1.91:1`, `JPEG or PNG`."""
    if limit.formats:
        *first, last = limit.formats
        return f"{', '.join(first)} or {last}" if first else f"{last} only"
    ends = (limit.least, limit.most)
    low, high = (None if value is None else _written(limit.measure, value, bare=True) for value in ends)
    if low is None:
        return f"at most {high}"
    if low == high:
        return low
    return f"at least {low}" if high is None else f"{low} to {high}"


def _written(measure: Measure, value: Decimal, *, bare: bool = False) -> str:
    if measure is Measure.SIZE:
        return media.size(value)
    if measure is Measure.ASPECT:
        return media.aspect(value)
    if measure is Measure.DURATION:
        return f"{value.normalize():f} s"
    return f"{value:,f}" if bare else f"{value:,f} {measure.value}"


def _rule(limit: Limit) -> Rule:
    """Return the rule of a limit; the bounds it is held to are those of the campaign at hand."""
    if limit.measure in TEXT_MEASURES:
        check = _text
    elif limit.measure in (Measure.POSTS_A_DAY, Measure.REPLIES_A_DAY):
        check = _posts
    elif limit.measure is Measure.MEDIA:
        check = _count
    elif limit.measure is Measure.ALT:
        check = _descriptions
    else:
        check = _files
    level = Level.ERROR if limit.strict else Level.WARNING
    needs = "media" if check is _files else "postings"
    return Rule(limit.name, level, f"{limit.name}: {bounds(limit)}", partial(_held, check, limit.name), needs)


def _held(check: Callable[[Limit, View], Iterator[Trouble]], name: str, view: View) -> Iterator[Trouble]:
    yield from check(limits.limit(name, view.campaign.limits), view)


LIMIT_RULES: tuple[Rule, ...] = tuple(_rule(limit) for limit in limits.LIMITS)
