"""What each network allows once a post with wrong words stands there: dated data, worded for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Mending:
    """Whether a post can be edited in place by hand, and in `says` how, or what to do instead.

    `source` is the page, `seen` the day on which it was read.
    """

    in_place: bool
    says: str
    source: str
    seen: date


_FOLLOW_UP = "write a follow-up post"
_SEEN = date(2026, 11, 22)

MENDING = {
    "mastodon": Mending(
        True,
        "edit it there: it says that it was edited, and its earlier words stay in its history",
        "https://glama.ai/mcp/servers/thenavidm/mastodon-mcp-cli/tools/edit_status",
        _SEEN,
    ),
    "bluesky": Mending(
        False,
        f"it cannot be edited: {_FOLLOW_UP}, or delete it there",
        "https://github.com/bluesky-social/social-app/issues/673",
        _SEEN,
    ),
    "facebook": Mending(
        True,
        "edit its words there, by the menu of the post",
        "https://developers.facebook.com/docs/pages-api/posts",
        _SEEN,
    ),
    "instagram": Mending(
        True,
        "edit the caption there, by the menu of the post; a story can only be deleted",
        "https://qainsta.com/qa/view/how-to-edit-captions-in-instagram",
        _SEEN,
    ),
    "threads": Mending(
        False,
        f"it can be edited there only in its first minutes: {_FOLLOW_UP}",
        "https://techticia.com/2024/10/threads-increases-post-editing-duration.html",
        _SEEN,
    ),
    "linkedin": Mending(
        True,
        "edit its words there, by the menu of the post; pictures stay",
        "https://glama.ai/mcp/servers/abhineet34/linkedin-mcp-server/tools/linkedin_update_post",
        _SEEN,
    ),
    "x": Mending(
        False,
        f"only a subscriber may edit it, and only soon after it was posted: {_FOLLOW_UP}",
        "https://developer.x.com/en/docs/twitter-api/enterprise/edit-tweets",
        _SEEN,
    ),
    "telegram": Mending(
        True,
        "an administrator who may edit messages can do so in a channel; in a group nobody but the bot can",
        "https://docs.rs/tgbot/latest/tgbot/types/struct.ChatAdministratorRights.html",
        _SEEN,
    ),
    "slack": Mending(
        False,
        f"nobody can edit there what a program posted: {_FOLLOW_UP}, or delete it",
        "https://api.slack.com/messaging/modifying",
        _SEEN,
    ),
}


def how_to_mend(channel: str) -> str:
    """Return what can be done by hand about a wrong post on a network; a follow-up where nothing is known."""
    found = MENDING.get(channel)
    return found.says if found is not None else _FOLLOW_UP
