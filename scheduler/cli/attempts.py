"""Every touch written for its readers, and what there is to say of those it cannot be written for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from campaigns.errors import Place, RenderError
from campaigns.finding import Finding, Level
from campaigns.lint.wording import listed
from scheduler import people
from scheduler.cli import message
from scheduler.cli.readers import NOBODY, Known
from scheduler.contacts_csv import is_yes_or_no

if TYPE_CHECKING:
    from campaigns.definition import Stage, Touch
    from campaigns.rendering import Bare, Renderer
    from scheduler.channels.base import Message
    from scheduler.cli.review import Review


@dataclass(frozen=True, slots=True)
class Attempt:
    """One touch written for its readers: the finished messages, and for whom there is none and why."""

    stage: Stage
    touch: Touch
    made: tuple[tuple[Known, Message], ...]
    failed: tuple[tuple[Known, RenderError], ...]


def attempts(review: Review, renderer: Renderer, readers: Sequence[Known]) -> tuple[Attempt, ...]:
    """Write every touch that has words: personal ones for each of `readers`, those for everybody once."""
    return tuple(
        _attempt(review, stage, touch, renderer, readers if touch.is_personal else (NOBODY,))
        for stage, touch in review.loaded.campaign.touches()
        if touch.template or touch.text or touch.html or touch.media
    )


def _attempt(review: Review, stage: Stage, touch: Touch, renderer: Renderer, readers: Sequence[Known]) -> Attempt:
    made: list[tuple[Known, Message]] = []
    failed: list[tuple[Known, RenderError]] = []
    at = message.goes_at(review, review.timeline.touch(touch.id)) or review.now
    for known in readers:
        event = message.event_facts(review, touch, known.reader, {})
        try:
            written = message.compose(review, stage, touch, known.reader, event=event, at=at, renderer=renderer)
        except RenderError as error:
            failed.append((known, error))
        else:
            made.append((known, written))
    return Attempt(stage, touch, tuple(made), tuple(failed))


def failures(review: Review, tried: Iterable[Attempt], told: Iterable[Finding]) -> Iterator[Finding]:
    """Yield for each touch why readers of it would get nothing, one finding a reason.

    An error where nobody can be shown a touch that waits for no event, else a warning. Whom the touch is not for, and
    who lacks the event that it answers, is passed over; where nobody else is left to be shown it, a note says why it
    was not looked at. What an error among `told` says of the same template, or line of the campaign file, is not said
    again.
    """
    own = review.loaded.campaign.place().file
    errors = {_spot(finding.place, own) for finding in told if finding.place and finding.level is Level.ERROR}
    for one in tried:
        failed = [(known, error) for known, error in one.failed if _spot(_place(review, one, error), own) not in errors]
        judged = [(known, error) for known, error in failed if _is_judged(review, one, known, error)]
        if judged:
            yield from _told(review, one, judged)
        elif failed and not one.made:
            yield from _unseen(review, one, failed[-1][1])


def _told(review: Review, one: Attempt, failed: Sequence[tuple[Known, RenderError]]) -> Iterator[Finding]:
    level = Level.WARNING if one.made or one.touch.answers_event else Level.ERROR
    reasons: dict[tuple[str, str, Place], list[str]] = {}
    for known, error in failed:
        reasons.setdefault((error.message, error.remedy, _place(review, one, error)), []).append(known.who)
    for (why, remedy, place), readers in reasons.items():
        who = "" if readers == [NOBODY.who] else f" for {listed(readers)}"
        said = f"{one.touch.id} cannot be written{who}: {why}"
        yield Finding("not-written", level, said, place, _remedy(why, remedy, others=bool(one.made)))


def _unseen(review: Review, one: Attempt, error: RenderError) -> Iterator[Finding]:
    """Yield the note about a touch that could be shown to none of those it is for."""
    touch = one.touch
    code, says = "not-measured", "is not measured"
    if touch.channel[0] == "email":
        code, says = "mail-not-read", "could not be looked at as a mail"
    remedy = "give a persona the event it needs: `events: [{name: ..., at: day 3, ...}]`" if touch.on else error.remedy
    yield Finding(code, Level.NOTE, f"{touch.id} {says}: {error.message}", _place(review, one, error), remedy)


def _is_judged(review: Review, one: Attempt, known: Known, error: RenderError) -> bool:
    """Whether it says something of the touch that this reader cannot be shown it."""
    touch, campaign = one.touch, review.loaded.campaign
    if touch.answers_event:
        persona = campaign.personas.get(known.reader.persona or "")
        if persona is None or not any(event.get("name") == touch.on for event in persona.events):
            return False
    if known.is_somebody:
        return is_for(review, one, known)
    return known is NOBODY or _missing(error.message) != "contact"  # a real reader may have the fact


def is_for(review: Review, one: Attempt, known: Known) -> bool:
    """Whether a persona or one of the people could be sent the touch, whatever they will have done by then."""
    if known.person is not None and not people.reaches(known.person, one.touch):
        return False
    audience = people.at_most(review.loaded.campaign, one.stage, one.touch)
    return people.fits(audience, known.reader.facts or {}, review.now)


@dataclass(frozen=True, slots=True)
class Taken:
    """Which facts each touch takes as they are: writes, and asks for; see `Renderer.bare_facts` and `asked_facts`."""

    written: Mapping[str, Sequence[Bare]]
    asked: Mapping[str, Sequence[Bare]]

    def gaps(self, review: Review, one: Attempt, known: Known, made: Message) -> tuple[Bare, ...]:
        """Return which facts that the touch writes are empty for a reader it is for."""
        contact = _contact(made)
        empty = tuple((fact, place) for fact, place in self.written[one.touch.id] if contact.get(fact) == "")
        return empty if empty and known.is_somebody and is_for(review, one, known) else ()

    def worded(self, one: Attempt, made: Message) -> tuple[tuple[str, str, Place], ...]:
        """Return which facts that the touch asks for say yes or no in words, with the word."""
        contact = _contact(made)
        found = ((fact, contact.get(fact), place) for fact, place in self.asked[one.touch.id])
        return tuple((fact, str(value), place) for fact, value, place in found if is_yes_or_no(value))


def taken(renderer: Renderer) -> Taken:
    """Return what the touches of a campaign take as it is."""
    return Taken(renderer.bare_facts(), renderer.asked_facts())


def _contact(made: Message) -> Mapping[str, object]:
    contact = made.facts.get("contact")
    return contact if isinstance(contact, dict) else {}


def _missing(why: str) -> str:
    """Return the section in which a name is missing, empty where that is not the reason."""
    return why.removeprefix("unknown name '").partition(".")[0] if why.startswith("unknown name '") else ""


def _remedy(why: str, remedy: str, *, others: bool) -> str:
    """Return the remedy; where `others` have a fact, no name is written wrong."""
    if _missing(why) not in ("contact", "event"):
        return remedy
    hint = "where only some have it: `| default('...')`"
    return hint if others or not remedy else f"{remedy}; {hint}"


def _place(review: Review, one: Attempt, error: RenderError) -> Place:
    campaign = review.loaded.campaign
    return error.place or campaign.place(*campaign.touch_path(one.touch.id))


def _spot(place: Place, own: str) -> tuple[str, int | None]:
    """Return where something is told: a line of the file `own`, a template as a whole."""
    return place.file, place.line if place.file == own else None
