"""Lengths of time that people say for another one: "quinze jours" is fifteen days, and often means two weeks."""

from collections.abc import Iterator

from campaigns.errors import Place
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View
from campaigns.timing import phrases
from campaigns.timing.model import Timing


def check(view: View) -> Iterator[Trouble]:
    """Yield every phrase whose length is read to the letter and often meant otherwise."""
    campaign = view.campaign
    for number, stage in enumerate(campaign.stages):
        if stage.when is not None:
            yield from _troubles(stage.when, campaign.place("stages", number, "when"))
    for _stage, touch in campaign.touches():
        for key, timing in (("when", touch.when), ("repeat", touch.repeat)):
            if timing is not None:
                yield from _troubles(timing, campaign.place(*campaign.touch_path(touch.id), key))


def _troubles(timing: Timing, place: Place) -> Iterator[Trouble]:
    for note in phrases.notes(timing):
        message, _, remedy = note.partition("; ")
        yield Trouble(message, place, remedy)


RULE = Rule("loose-length", Level.NOTE, "lengths that people use loosely are told as they are read", check)
