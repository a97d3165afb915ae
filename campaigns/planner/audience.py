"""Who a touch is for: the audiences of campaign, stage and touch, narrowed together."""

from __future__ import annotations

from campaigns import segments
from campaigns.definition import Campaign, Purpose, Stage, Touch
from campaigns.segments import And, Expression, Not, Or


def audience(campaign: Campaign, stage: Stage, touch: Touch) -> Expression | None:
    """Return who belongs to the touch's audience; None is everybody.

    A calendar touch is for those who fit all three. A touch that answers an event does not ask campaign and stage what
    people did: `not purchased('ring')` chooses whom to win, and must not silence what follows their purchase. The steps
    of a calendar touch answer no event, and are for those who still fit all three. A
    transactional message asks only its own audience: who bought is thanked. So does a correction: who was sent the
    wrong words is told, whatever they did since. Raises: ExpressionError.
    """
    inherited = [segments.parse(text) for text in (campaign.audience, stage.audience) if text]
    if touch.purpose is Purpose.TRANSACTIONAL or touch.corrects is not None:
        inherited = []
    elif touch.answers_event:
        inherited = [bound for bound in map(segments.at_most, inherited) if bound is not None]
    parts = (*inherited, *([segments.parse(touch.audience)] if touch.audience else []))
    if len(parts) > 1:
        return And(parts)
    return parts[0] if parts else None


def reach(campaign: Campaign, stage: Stage, touch: Touch) -> Expression | None:
    """Return whom the touch may reach at most; where it waits for an event, whatever people will have done by then."""
    found = audience(campaign, stage, touch)
    return found if found is None or touch.on is None else segments.at_most(found)


def personas(campaign: Campaign) -> dict[str, Expression]:
    """Return whom each persona stands for by her `match:`, and under the empty name who is like none of them.

    Empty where no persona has one. A person may be like several. Raises: ExpressionError.
    """
    known = {name: segments.parse(one.match) for name, one in campaign.personas.items() if one.match}
    if not known:
        return {}
    found = tuple(known.values())
    return {**known, "": Not(Or(found) if len(found) > 1 else found[0])}
