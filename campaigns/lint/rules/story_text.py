"""A story shows its picture or video and nothing else: no text, no link."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.limits.forms import STORY
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every story with a text, which nobody would see."""
    for posting in view.postings:
        if posting.form == STORY and (text := posting.text.strip()):
            yield Trouble(
                f"{posting.touch}: a story shows no text, and this one has {len(text):,} characters",
                posting.text_place,
                'write it into the picture or video, and say `text: ""`',
            )


RULE = Rule("story-text", Level.WARNING, "stories carry no text that nobody sees", check, needs="postings")
