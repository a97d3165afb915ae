"""The keys of the file whose behaviour is still to come: named with their line, so that none is silently ignored."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.definition import Campaign, Step, Touch
from campaigns.finding import Finding, Level
from campaigns.timing.model import Event, Pick, Timing

_REFUSED = "`apply` and the dry run refuse it rather than ignore it"
_LEAVE_OUT = "leave it out"
_OF_ITS_OWN = "write a touch of its own for each, with an id of its own"
_PICK = "write `pick: earliest`, `latest` or `spread`"
_REMEDIES = {
    "channel": _OF_ITS_OWN,
    "variants": "keep one of them as the touch's content",
    "per": "leave it out: everybody gets the same code",
    "pick": _PICK,
    "repeat": "say how often instead: `every 30 days, 3 times`",
}


def unbuilt(campaign: Campaign) -> tuple[Finding, ...]:
    """Return an error for every key of the campaign that asks for something that is not built yet, in file order."""
    return tuple(
        Finding("unbuilt", Level.ERROR, f"{what} is not built yet", campaign.place(*path), _remedy(path))
        for what, path in _asked(campaign)
    )


def _remedy(path: tuple[str | int, ...]) -> str:
    return f"{_REMEDIES.get(str(path[-1]), _LEAVE_OUT)}; {_REFUSED}"


def _asked(campaign: Campaign) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for key, asked in (
        ("staff", campaign.staff is not None),
        ("holdout", campaign.holdout is not None),
    ):
        if asked:
            yield f"`{key}:`", (key,)
    for code, offer in campaign.offers.items():
        if offer.per == "person":
            yield "`per: person` (a code for each person)", ("offers", code, "per")
    for number, stage in enumerate(campaign.stages):
        if stage.pick is Pick.BEST:
            yield "`pick: best` (there are no clicks to learn from)", ("stages", number, "pick")
        for touch in stage.touches:
            path = campaign.touch_path(touch.id)
            for what, key in _asked_of_touch(touch):
                yield what, (*path, key)
            for place, step in enumerate(touch.steps):
                for what, key in _asked_of_step(step):
                    yield what, (*path, "steps", place, key)


def _asked_of_step(step: Step) -> Iterator[tuple[str, str]]:
    if step.channel is not None and len(step.channel) > 1:
        yield "`channel:` with several channels", "channel"
    if step.pick is Pick.BEST:
        yield "`pick: best` (there are no clicks to learn from)", "pick"


def _asked_of_touch(touch: Touch) -> Iterator[tuple[str, str]]:
    if touch.variants:
        yield "`variants:`", "variants"
    if touch.pick is Pick.BEST:
        yield "`pick: best` (there are no clicks to learn from)", "pick"
    repeat = touch.repeat.repeat if touch.repeat is not None else None
    if repeat is not None and repeat.until is not None and touch.on is None and _expects(repeat.until):
        yield "a repetition until the expected order on the calendar", "repeat"


def _expects(timing: Timing) -> bool:
    return any(isinstance(anchor, Event) and (anchor.expected or anchor.late) for anchor in timing.anchors())
