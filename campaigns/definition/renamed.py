"""A campaign with other ids of touches: in history they keep their first, and one for several channels is several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from campaigns.definition.campaign import Campaign
from campaigns.definition.corrects import Corrects
from campaigns.definition.touch import Step, Touch, WaitFor
from campaigns.timing.model import Timing
from campaigns.timing.model import Touch as Touch_


def renamed(campaign: Campaign, names: Mapping[str, str]) -> Campaign:
    """Return the campaign with its touches under other ids, and what counts from a touch following it.

    `names` holds every touch; a name of no touch is followed where something counts from it.
    """
    if all(name == new for name, new in names.items()):
        return campaign
    stages = tuple(
        stage.model_copy(
            update={
                "when": _follow(stage.when, names),
                "touches": tuple(_touch(touch, names) for touch in stage.touches),
            }
        )
        for stage in campaign.stages
    )
    offers = {
        code: offer.model_copy(update={"starts": _follow(offer.starts, names), "until": _follow(offer.until, names)})
        for code, offer in campaign.offers.items()
    }
    return campaign.model_copy(update={"stages": stages, "offers": offers})


def _touch(touch: Touch, names: Mapping[str, str]) -> Touch:
    changes = {
        "id": names[touch.id],
        "hangs_on": names.get(touch.hangs_on or "", touch.hangs_on),
        "when": _follow(touch.when, names),
        "repeat": _follow(touch.repeat, names),
        "corrects": _corrects(touch.corrects, names),
        "wait_for": _wait(touch.wait_for, names),
        "steps": tuple(_step(step, names) for step in touch.steps),
    }
    return touch.model_copy(update=changes)


def _step(step: Step, names: Mapping[str, str]) -> Step:
    changes = {
        "id": names.get(step.id, step.id),  # one that only waits has no history
        "when": _follow(step.when, names),
        "wait_for": _wait(step.wait_for, names),
    }
    return step.model_copy(update=changes)


def _corrects(corrects: Corrects | None, names: Mapping[str, str]) -> Corrects | None:
    return corrects and corrects.model_copy(update={"touch": tuple(names.get(one, one) for one in corrects.touch)})


def _wait(wait: WaitFor | None, names: Mapping[str, str]) -> WaitFor | None:
    if wait is None or wait.otherwise is None:
        return wait
    return wait.model_copy(update={"otherwise": names.get(wait.otherwise, wait.otherwise)})


def _follow(value: Any, names: Mapping[str, str]) -> Any:
    """Let every mention of a touch in a timing follow the touch to its key."""
    if isinstance(value, Touch_):
        return replace(value, name=names.get(value.name, value.name))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = dict(_changed(value, names))
    if not changed:
        return value
    return replace(value, **changed, phrase="") if isinstance(value, Timing) else replace(value, **changed)


def _changed(value: Any, names: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for one in fields(value):
        old = getattr(value, one.name)
        new = _follow(old, names)
        if new is not old and new != old:
            yield one.name, new
