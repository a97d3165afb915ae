"""Pictures and videos lie where the file says."""

from collections.abc import Iterator
from difflib import get_close_matches

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every local media file that is not in the project."""
    campaign, facts = view.campaign, view.facts
    files = facts.files or frozenset()
    for _stage, touch in campaign.touches():
        for number, media in enumerate(touch.media):
            if media.file.startswith("https://") or media.file.removeprefix("./") in files:
                continue
            near = get_close_matches(media.file, sorted(files), 1)
            yield Trouble(
                f"{touch.id}: there is no file {media.file!r} in the project",
                campaign.place(*campaign.touch_path(touch.id), "media", number),
                f"did you mean {near[0]!r}?" if near else "put it there, or correct the path",
            )


RULE = Rule("media-missing", Level.ERROR, "media files exist", check, needs="files")
