"""What a post may be posted as, on which networks, and the limits that hold for one form alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from campaigns.limits.model import Limit

POST: Final = "post"
STORY: Final = "story"
REEL: Final = "reel"
COMMENT: Final = "comment"  # what stands below a post: of a limit without forms it is none of the posts

# Only these two networks know forms that a program may publish (the pages named in their files of limits).
FORMS: Final[dict[str, frozenset[str]]] = {
    "facebook": frozenset({POST, STORY, REEL}),
    "instagram": frozenset({POST, STORY, REEL}),
}


def only(forms: frozenset[str], *limits: Limit) -> Iterator[Limit]:
    """Yield the limits so that they hold for posts of these forms alone."""
    for limit in limits:
        yield replace(limit, forms=forms)
