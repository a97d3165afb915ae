"""A picture that is posted has words for those who cannot see it (WCAG 2.2, 1.1.1)."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every post with a picture that nobody described."""
    campaign = view.campaign
    for _stage, touch in campaign.touches():
        bare = [media.file for media in touch.media if not media.alt.strip()]
        if touch.is_post and bare:
            yield Trouble(
                f"{touch.id}: {bare[0]} has no description",
                campaign.place(*campaign.touch_path(touch.id), "media"),
                f"write {{file: {bare[0]}, alt: what it shows}}",
            )


RULE = Rule("alt-text", Level.NOTE, "posted pictures are described", check)
