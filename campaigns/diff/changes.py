"""The differences between two plans, each with its consequence for people, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from campaigns.diff.applied import Flight


class Action(StrEnum):
    """What becomes of a touch."""

    ADD = "add"
    CHANGE = "change"
    CANCEL = "cancel"
    IGNORED = "ignored"

    @property
    def symbol(self) -> str:
        """The mark in front of its line on a screen."""
        return {"add": "+", "change": "~", "cancel": "-", "ignored": "="}[self.value]


@dataclass(frozen=True, slots=True)
class Change:
    """One touch that differs: what that does to people, and the differences themselves a line each.

    `messages` counts those planned and not yet sent that the change reaches; a cancelled touch's are the ones people
    will not get. `flight` says what it does to people in the middle of the touch, where there are any. `went` says that
    its words differ, and that the former ones have gone to somebody: no change reaches those.
    """

    touch: str
    action: Action
    consequence: str
    messages: int = 0
    details: tuple[str, ...] = ()
    flight: Flight | None = None
    went: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """All differences, in the order of the file, what was removed last; what is equal is not listed."""

    changes: tuple[Change, ...] = ()

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def of(self, action: Action) -> tuple[Change, ...]:
        """Return the changes with this action."""
        return tuple(change for change in self.changes if change.action is action)

    def counts(self) -> dict[str, int]:
        """Return how many touches are added, changed, cancelled and ignored, and how many messages are cancelled."""
        found = {action.value: len(self.of(action)) for action in Action}
        return found | {"messages": sum(change.messages for change in self.of(Action.CANCEL))}

    @property
    def takes_effect(self) -> bool:
        """Whether applying would do anything; ignored changes do not."""
        return any(change.action is not Action.IGNORED for change in self.changes)

    @property
    def reaches_scheduled(self) -> bool:
        """Whether messages that are on the schedule change or are cancelled, so that a person must confirm by name."""
        return any(change.action in (Action.CHANGE, Action.CANCEL) for change in self.changes)

    def sentence(self) -> str:
        """Return the count sentence: `0 to add, 2 to change, 1 to cancel (9 messages), 1 ignored`."""
        counts = self.counts()
        messages = counts["messages"]
        cancelled = f" ({messages} message{'' if messages == 1 else 's'})" if messages else ""
        text = f"{counts['add']} to add, {counts['change']} to change, {counts['cancel']} to cancel{cancelled}"
        return text + (f", {counts['ignored']} ignored" if counts["ignored"] else "")
