"""A touch as the messages it consists of, in their order, with the waits between them; nothing is resolved here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.definition.touch import RECEIVED, Courtesy, Message, Step, Touch, WaitFor

# What a step takes from its touch where it does not say otherwise.
_INHERITED = ("until", "layout", "offer", "max_late", "on_late", "at", "pick")
START = ""  # where a run is before its first message


@dataclass(frozen=True, slots=True)
class Reached:
    """How a message of a sequence is reached: after which message (`START`: the event), and by which wait.

    With `wait` it goes once the event came, or when it did not (`timed_out`).
    """

    after: str
    wait: WaitFor | None = None
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A touch and its messages: itself where it says something, then its steps; one alone is a sequence too.

    `waits` are what is waited for after a message (after `START`: before the first). A message that an `else:` names
    begins a way of its own: only who did not do what was waited for gets there, so nobody gets both ways.

    A touch on the calendar begins with its `opening`, which follows the calendar alone. That it reached somebody begins
    their run, with this message behind them; `RECEIVED` and the touch's id are what those after it answer.
    """

    touch: Touch
    messages: tuple[Touch, ...]
    waits: Mapping[str, WaitFor] = field(default_factory=dict)

    @property
    def opening(self) -> Touch | None:
        """The message that follows the calendar; None where an event starts the touch."""
        return self.messages[0] if self.touch.on is None and self.messages else None

    @property
    def follow_ups(self) -> tuple[Touch, ...]:
        """The messages that follow on another in a run: of an event touch all of them."""
        return self.messages if self.opening is None else self.messages[1:]

    def message(self, name: str) -> Touch | None:
        """Return the message with this id."""
        return next((one for one in self.messages if one.id == name), None)

    def following(self, name: str) -> Touch | None:
        """Return the message after this one on the same way; None at its end."""
        position = 0 if name == START else self._position(name) + 1
        if position >= len(self.messages) or self.messages[position].id in self._ways():
            return None
        return self.messages[position]

    def otherwise(self, name: str) -> Touch | None:
        """Return the message that goes when what is waited for after this one does not come."""
        wait = self.waits.get(name)
        return None if wait is None or wait.otherwise is None else self.message(wait.otherwise)

    def reached(self, name: str) -> Reached:
        """Return how a message is reached."""
        for after, wait in self.waits.items():
            if wait.otherwise == name:
                return Reached(after, wait, timed_out=True)
        position = self._position(name)
        after = self.messages[position - 1].id if position else START
        return Reached(after, self.waits.get(after))

    def _position(self, name: str) -> int:
        return [one.id for one in self.messages].index(name)

    def _ways(self) -> frozenset[str]:
        return frozenset(wait.otherwise for wait in self.waits.values() if wait.otherwise is not None)


def sequence(touch: Touch) -> Sequence:
    """Return a touch as its messages, each a touch that says all that holds for it."""
    if not touch.steps:
        return Sequence(touch, (touch,))
    messages: list[Touch | Step] = [touch] if says(touch) else []
    waits = {} if touch.wait_for is None else {messages[-1].id if messages else START: touch.wait_for}
    for step in touch.steps:
        if only_waits(step):
            assert step.wait_for is not None
            waits.setdefault(messages[-1].id if messages else START, step.wait_for)
            continue
        messages.append(step)
        if step.wait_for is not None:
            waits[step.id] = step.wait_for
    found = tuple(_message(touch, one, waits.get(one.id), first=one is messages[0]) for one in messages)
    return Sequence(touch, found, waits)


def says(message: Message) -> bool:
    """Whether there are words: a touch with steps and without words is no message itself."""
    return bool(message.template or message.text or message.html)


def only_waits(step: Step) -> bool:
    """Whether a step says nothing and waits for something."""
    return step.wait_for is not None and not says(step)


def _message(touch: Touch, one: Touch | Step, wait: WaitFor | None, *, first: bool) -> Touch:
    if isinstance(one, Touch):
        return touch.model_copy(update={"steps": (), "wait_for": wait})
    own = {name: getattr(one, name) for name in Message.model_fields}
    taken = {name: getattr(touch, name) for name in _INHERITED if own[name] is None}
    lines = {
        name: getattr(touch.courtesy if getattr(one.courtesy, name) is None else one.courtesy, name)
        for name in Courtesy.model_fields
    }
    changes = {
        **own,
        **taken,
        "when": one.when or (touch.when if first else None),
        "channel": one.channel or touch.channel,
        "by_hand": touch.by_hand if one.by_hand is None and one.channel is None else one.by_hand,
        "audience": _both(touch.audience, one.audience),
        "approval": "required" if "required" in (touch.approval, one.approval) else "none",
        "courtesy": touch.courtesy.model_copy(update=lines),
        "moved": one.moved,
        "on": RECEIVED + touch.id if touch.on is None and not first else touch.on,
        "repeat": touch.repeat if first else None,
        "variants": (),
        "by_channel": {},
        "steps": (),
        "wait_for": wait,
    }
    return touch.model_copy(update=changes)


def _both(outer: str | None, inner: str | None) -> str | None:
    return f"({outer}) and ({inner})" if outer and inner else outer or inner
