"""What is posted can be opened: a picture or a video, whole, and not more pixels than fit into a memory."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every media file that is no picture or video that can be opened."""
    media = view.facts.media or {}
    for posting in view.postings:
        for (file, _alt), place in zip(posting.media, posting.media_places, strict=True):
            if file in media and media[file].kind == "broken":
                yield Trouble(
                    f"{posting.touch}: {file} {media[file].fault}", place, "export it again, or take another file"
                )


RULE = Rule("media-broken", Level.ERROR, "pictures and videos can be opened", check, needs="media")
