"""The time of day an author wrote for a touch, and where; shared by the rules about hours."""

from datetime import time

from campaigns.definition import Campaign, Stage, Touch
from campaigns.errors import Place


def named_clock(campaign: Campaign, stage: Stage, touch: Touch) -> tuple[time | None, Place]:
    """Return the time of the touch, of its phrase, of its stage or of its stage's phrase; None when none is written."""
    path = campaign.touch_path(touch.id)
    if touch.at is not None:
        return touch.at, campaign.place(*path, "at")
    if touch.when is not None and touch.when.at is not None:
        return touch.when.at, campaign.place(*path, "when")
    if touch.on is not None:
        return None, campaign.place(*path)
    if stage.at is not None:
        return stage.at, campaign.place(*path[:2], "at")
    if touch.when is None and stage.when is not None and stage.when.at is not None:
        return stage.when.at, campaign.place(*path[:2], "when")
    return None, campaign.place(*path)
