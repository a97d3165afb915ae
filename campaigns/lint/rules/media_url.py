"""Instagram and Threads fetch media by themselves, so somebody has to say from where."""

from collections.abc import Iterator

from campaigns.finding import Level
from campaigns.lint.rule import Rule, Trouble, View

# https://developers.facebook.com/docs/instagram-platform/content-publishing and the same page of Threads.
_FETCH = ("instagram", "threads")


def check(view: View) -> Iterator[Trouble]:
    """Yield every file of a post for such a network, where it has an account and the campaign has no `media_url:`."""
    campaign = view.campaign
    if campaign.media_url is not None:
        return
    for _stage, touch in campaign.touches():
        if touch.is_by_hand:  # nobody fetches anything then
            continue
        for channel in _FETCH:
            if channel not in touch.channel or channel not in (view.facts.channels or ()):
                continue
            for number, media in enumerate(touch.media):
                if "://" not in media.file:
                    yield Trouble(
                        f"{touch.id}: {channel} fetches {media.file!r} by itself, and nothing says from where",
                        campaign.place(*campaign.touch_path(touch.id), "media", number),
                        "write `media_url: https://...`, where the files of the project can be fetched from",
                    )


RULE = Rule("media-url", Level.ERROR, "networks that fetch media know from where", check, needs="channels")
