"""What has to be mended before a campaign is applied or rehearsed: errors, and keys whose behaviour is not built."""

from __future__ import annotations

from collections.abc import Iterable

from campaigns.errors import DefinitionError, Mistake, Place
from scheduler.cli.review import Review


def refuse(reviews: Iterable[Review]) -> None:
    """Check that nothing of the campaigns stands in the way.

    Raises: DefinitionError with every mistake of all of them, each with its place.
    """
    from scheduler.operations import applying

    mistakes = tuple(
        Mistake(finding.code, finding.message, finding.place or Place(str(review.choice.path)), finding.remedy)
        for review in reviews
        for finding in applying.refusals(review.loaded.campaign, review.findings)
    )
    if mistakes:
        raise DefinitionError(mistakes)
