"""A touch says something: a template, a text, or at least a picture."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch that would reach people empty; a webhook speaks by its event alone."""
    campaign = view.campaign
    for _stage, touch in campaign.touches():
        says = touch.template or touch.text or touch.html or touch.variants or touch.by_channel
        pictured = touch.media and touch.is_post
        if not says and not pictured and "webhook" not in touch.channel:
            yield Trouble(
                f"{touch.id} says nothing",
                campaign.place(*campaign.touch_path(touch.id)),
                "give it a `template:` or a `text:`",
            )


RULE = Rule("no-content", Level.ERROR, "every touch has words", check, protects=True)
