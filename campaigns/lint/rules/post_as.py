"""What a touch is posted as is something its network has, and what it carries can be that."""

import mimetypes
from collections.abc import Iterator
from pathlib import PurePosixPath

from campaigns.definition import Touch
from campaigns.finding import Level
from campaigns.limits.forms import FORMS, REEL
from campaigns.lint.rule import Rule, Trouble, View


def check(view: View) -> Iterator[Trouble]:
    """Yield every touch posted as something that its channel does not have, and every reel that is not one video."""
    campaign = view.campaign
    for _stage, touch in campaign.touches():
        if touch.post_as is None or touch.is_by_hand:  # people can post more forms than programs
            continue
        place = campaign.place(*campaign.touch_path(touch.id), "post_as")
        channel = touch.channel[0]
        if touch.post_as not in FORMS.get(channel, ()):
            yield Trouble(
                f"{touch.id}: {channel} has no {touch.post_as} that can be posted",
                place,
                f"`post_as:` is for {' and '.join(sorted(FORMS))}: leave it out here, or say it under `by_channel:`",
            )
        elif touch.post_as == REEL and not _is_one_video(touch):
            yield Trouble(f"{touch.id}: a reel is one video", place, "give it one video, or post it as a post")


def _is_one_video(touch: Touch) -> bool:
    files = [PurePosixPath(media.file.partition("?")[0]).name for media in touch.media]
    return len(files) == 1 and (mimetypes.guess_type(files[0])[0] or "").startswith("video/")


RULE = Rule("post-as", Level.ERROR, "what a touch is posted as exists on its network", check)
