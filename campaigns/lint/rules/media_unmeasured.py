"""What could not be looked at is told: media at an address, and videos where ffprobe is not installed."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every medium whose size, shape or length nobody knows."""
    media = view.facts.media or {}
    for posting in view.postings:
        for (file, _alt), place in zip(posting.media, posting.media_places, strict=True):
            if "://" in file:
                yield Trouble(
                    f"{posting.touch}: {file} is not measured: it lies in the net", place, "see to its size and shape"
                )
            elif file in media and media[file].kind == "video" and media[file].seconds is None:
                why = media[file].fault or "ffprobe is not installed"
                yield Trouble(
                    f"{posting.touch}: the length and shape of {file} are not measured: {why}",
                    place,
                    "install ffmpeg, which brings ffprobe",
                )


RULE = Rule("media-unmeasured", Level.NOTE, "pictures and videos can be measured", check, needs="media")
