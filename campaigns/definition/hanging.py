"""Posts that hang on a post: its first comment and the further posts of its thread, each a touch with its own id."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.definition.touch import Touch
from campaigns.definition.values import COMMENT, OF_CHANNEL
from campaigns.definition.vocabulary import COMMENTS, THREADS

# What a post says and what else is its alone; the rest of the touch holds for what hangs on it too.
_OWN: dict[str, object] = {
    **dict.fromkeys(("subject", "preheader", "html", "template", "layout", "first_comment"), None),
    **dict.fromkeys(("go_to", "corrects", "post_as"), None),
    "thread": (),
    "variants": (),
    "by_channel": {},
}


def hung(touch: Touch) -> Iterator[Touch]:
    """Yield a touch for one channel without what hangs on it, then that: `launch.comment`, `launch.2`, `launch.3`.

    The comment and the second post hang on the first, each further post on the one before. A channel whose messages
    nothing can hang on has none.
    """
    post = touch.model_copy(update={"first_comment": None, "thread": ()})
    yield post
    channel = touch.channel[0]
    if post.is_personal or channel not in COMMENTS | THREADS:
        return
    if touch.first_comment:
        yield _on(post, post, COMMENT, touch.first_comment, ())
    before = post
    for number, further in enumerate(touch.thread if channel in THREADS else (), start=2):
        before = _on(post, before, str(number), further.text, further.media)
        yield before


def has_hanging(touch: Touch) -> bool:
    """Whether a touch as the file says it has posts that hang on it."""
    wordings = (touch, *touch.by_channel.values())
    return any(one.first_comment or one.thread for one in wordings)


def _on(first: Touch, before: Touch, part: str, text: str | None, media: object) -> Touch:
    moved = None if first.moved is None else f"{first.moved}{OF_CHANNEL}{part}"
    changes = {"id": f"{first.id}{OF_CHANNEL}{part}", "hangs_on": before.id, "moved": moved, "text": text}
    return first.model_copy(update={**_OWN, **changes, "media": media})
