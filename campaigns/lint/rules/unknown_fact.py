"""An audience compares facts that contacts have."""

from collections.abc import Iterator
from difflib import get_close_matches

from campaigns import segments
from campaigns.definition import Campaign
from campaigns.errors import ExpressionError
from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every fact of an audience that no contact has."""
    campaign, facts = view.campaign, view.facts
    known = facts.contact_fields or frozenset()
    for text, path in _audiences(campaign):
        try:
            names = segments.fields(segments.parse(text))
        except ExpressionError:
            continue  # the loader refuses it with its place
        for name in sorted(names - known):
            near = get_close_matches(name, sorted(known), 1)
            yield Trouble(
                f"no contact has the fact {name!r}, so comparing it is always false",
                campaign.place(*path),
                f"did you mean {near[0]!r}?" if near else "import it, or leave the comparison out",
            )


def _audiences(campaign: Campaign) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    if campaign.audience:
        yield campaign.audience, ("audience",)
    for number, stage in enumerate(campaign.stages):
        if stage.audience:
            yield stage.audience, ("stages", number, "audience")
        for touch in stage.touches:
            path = campaign.touch_path(touch.id)
            if touch.audience:
                yield touch.audience, (*path, "audience")
            for place, step in enumerate(touch.steps):
                if step.audience:
                    yield step.audience, (*path, "steps", place, "audience")


RULE = Rule("unknown-fact", Level.WARNING, "audiences compare facts that contacts have", check, needs="contact_fields")
