"""What a correction takes from the touch it corrects, and what holds for it where the file does not say otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.definition.campaign import Campaign
from campaigns.definition.touch import Touch
from campaigns.definition.values import OF_CHANNEL
from campaigns.definition.vocabulary import POSTS
from campaigns.timing.model import Now, OnBlocked, Span, Timing, Unit

_AT_ONCE = Timing(Now(), phrase="as soon as possible", language="en")
_WORTH_SENDING = Span(3, Unit.DAY)


def with_corrections(campaign: Campaign) -> Campaign:
    """Return the campaign with what its corrections leave unsaid, and with the very touches that they correct.

    A correction goes at once, as marketing or not as what it corrects, waits for a cap or a gap rather than being
    dropped, and is worth sending for three days. Of a touch for several channels each part is corrected on its own
    channel, and all parts to people where the correction has another.
    """
    if all(touch.corrects is None for stage in campaign.stages for touch in stage.touches):
        return campaign
    every = {touch.id: touch for _, touch in campaign.touches()}
    stages = tuple(
        stage.model_copy(update={"touches": tuple(_whole(touch, every) for touch in stage.touches)})
        for stage in campaign.stages
    )
    return campaign.model_copy(update={"stages": stages})


def _whole(touch: Touch, every: dict[str, Touch]) -> Touch:
    if touch.corrects is None:
        return touch
    names = tuple(dict.fromkeys(name for one in touch.corrects.touch for name in _meant(one, touch, every)))
    changes: dict[str, object] = {"corrects": touch.corrects.model_copy(update={"touch": names})}
    first = every.get(names[0])
    if first is not None and "purpose" not in touch.model_fields_set:
        changes["purpose"] = first.purpose
    unsaid = (("when", _AT_ONCE), ("on_blocked", OnBlocked.FOLLOWING), ("max_late", _WORTH_SENDING))
    changes |= {key: value for key, value in unsaid if getattr(touch, key) is None}
    return touch.model_copy(update=changes)


def _meant(name: str, touch: Touch, every: dict[str, Touch]) -> Iterator[str]:
    """Yield the messages that a name means: itself, or the parts of a touch for several channels."""
    if name in every:
        yield name
        return
    own = f"{name}{OF_CHANNEL}{touch.channel[0]}"
    parts = [own] if own in every else [one for one in every if one.startswith(f"{name}{OF_CHANNEL}")]
    people = [one for one in parts if every[one].channel[0] not in POSTS]
    yield from people or [name]
