"""What no single step of a touch can know: where its waits lead, and that the run comes to an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.definition import PERSONAL, POSTS, channels_of
from campaigns.errors import suggestion
from campaigns.loader.reading import Document, Path

_WORDS = ("template", "text", "html")
_OF_A_MESSAGE = ("when", "at", "subject", "channel", "offer", "media")


@dataclass(frozen=True, slots=True)
class _Part:
    """The touch (number -1) or one of its steps, as plain data."""

    number: int
    path: Path
    data: Mapping[str, object]

    @property
    def name(self) -> str:
        found = self.data.get("id")
        return str(found) if isinstance(found, str) else ""

    @property
    def says(self) -> bool:
        return any(key in self.data for key in _WORDS)

    @property
    def waits(self) -> bool:
        return "wait_for" in self.data


def check_steps(document: Document, path: Path, touch: Mapping[str, object]) -> None:
    """Report steps that contradict each other; a wait leads forward only, so that no run goes round for ever."""
    listed = touch.get("steps")
    items = listed if isinstance(listed, list) else []
    steps = [
        _Part(number, (*path, "steps", number), item) for number, item in enumerate(items) if isinstance(item, Mapping)
    ]
    if len(steps) < len(items):
        return  # reported already
    parts = [_Part(-1, path, touch), *steps]
    for part in parts:
        if part.waits:
            _target(document, part, steps)
    _two_waits(document, parts)
    _two_moments(document, parts)
    _posts(document, steps)
    if steps and "on" not in touch and not any(name in POSTS for name in channels_of(touch)):
        _calendar(document, parts)


def _posts(document: Document, steps: list[_Part]) -> None:
    """Report a step that is for everybody: a step goes to those whom the message before it reached."""
    for step in steps:
        post = next((name for name in channels_of(step.data) if name in POSTS), None)
        if post is not None:
            message = f"a step goes to single people, but a post on {post} is for everybody"
            remedy = "write the post as a touch of its own, or choose a channel such as email"
            document.source.report("post-for-one", message, document.value_place((*step.path, "channel")), remedy)


def _calendar(document: Document, parts: list[_Part]) -> None:
    """Report what has no sense where the calendar starts the sequence: a wait before it, and steps after nobody."""
    touch = parts[0]
    first = next((part for part in parts if part.says), None)
    for part in parts if first is None else parts[: parts.index(first)]:
        if part.waits:
            message = (
                "`wait_for` waits after a message, and before the first one of the calendar there is nobody to wait"
            )
            remedy = "let a message go before it, or give the touch an `on`, the event that starts it"
            _report(document, part, "wait_for", "needs-another", message, remedy)
    if first is None:
        return
    channels = channels_of(first.data) or channels_of(touch.data)
    if channels and channels[0] not in PERSONAL and not any("audience" in part.data for part in (touch, first)):
        message = f"`steps` go to those whom the touch reached, and '{first.name}' is for nobody in particular"
        _report(document, touch, "steps", "needs-another", message, "say who it is about: give the touch an `audience`")


def _target(document: Document, part: _Part, steps: list[_Part]) -> None:
    wait = part.data.get("wait_for")
    target = wait.get("else") if isinstance(wait, Mapping) else None
    if not isinstance(target, str):
        if part.number + 1 >= len(steps):
            _report(
                document, part, "wait_for", "needs-another", "`wait_for` waits before the next step, and there is none"
            )
        return
    found = next((step for step in steps if step.name == target), None)
    place = document.value_place((*part.path, "wait_for", "else"))
    if found is None:
        ids = [step.name for step in steps if step.name]
        remedy = suggestion(target, ids) or "name a step of the same touch"
        document.source.report("unknown-name", f"unknown step '{target}'", place, remedy)
    elif found.number <= part.number:
        message = f"`else` leads back to '{target}', and steps go forward only"
        document.source.report("backwards", message, place, "name a step further down")
    elif found.waits and not found.says:
        message = f"`else` leads to '{target}', which says nothing"
        document.source.report("needs-another", message, place, "name a step that says something")


def _two_waits(document: Document, parts: list[_Part]) -> None:
    waiting = False
    for part in parts:
        if part.says:
            waiting = False
        if part.waits and waiting:
            message = "it waits although the wait before it has no message after it"
            _report(document, part, "wait_for", "says-twice", message, "put a message between the two waits")
        waiting = waiting or part.waits
        if part.number >= 0 and part.waits and not part.says:
            for key in _OF_A_MESSAGE:
                if key in part.data:
                    message = f"`{key}` concerns a message, and this step only waits"
                    _report(document, part, key, "needs-another", message, f"remove `{key}`, or give the step words")


def _two_moments(document: Document, parts: list[_Part]) -> None:
    """Report a first step with a moment of its own in a touch that gives it one too."""
    touch, *steps = parts
    first = next((step for step in steps if step.says or not step.waits), None)
    if touch.says or first is None or "when" not in touch.data:
        return
    if touch.waits and "on" not in touch.data:
        return  # such a wait is refused for itself
    if "when" in first.data or touch.waits:
        remedy = "say it in the step alone, since the touch itself says nothing"
        _report(document, touch, "when", "says-twice", f"`when` stands here and '{first.name}' has its own", remedy)


def _report(document: Document, part: _Part, key: str, code: str, message: str, remedy: str = "") -> None:
    place = document.key_place((*part.path, key))
    document.source.report(code, message, place, remedy or "remove it, or write the step that follows")
