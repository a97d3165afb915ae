"""What became of a post, read from the posts of its account: for networks that know no key of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.limits.text import links
from scheduler.channels.base import Attempted, Evidence, Found, Message, Receipt
from scheduler.channels.platforms import mastodon_words
from scheduler.channels.platforms.mastodon_words import alike, bare
from scheduler.errors import Refused, Unknown

BEFORE = timedelta(minutes=2)  # how far the network's clock may be behind ours
_AFTER = timedelta(hours=1)
_LINK = " \u2197 "
_LEAST_CUT = 40  # characters: a text that breaks off sooner is another one
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Listed:
    """A post of the account as the network lists it: its words with `unlinked` links, how many media, aware UTC."""

    id: str
    text: str
    media: int
    at: datetime
    where: str


def unlinked(text: str) -> str:
    """Return a text with one sign for each link, since networks give others back than they were given."""
    for link in sorted(set(links(text)), key=len, reverse=True):
        text = text.replace(link, _LINK)
    return _SPACE.sub(" ", text).strip()


def fingerprint(text: str, media: int) -> str:
    """Return 24 hexadecimal digits that are the same for the same words, links in the same places, and as many media.

    `text` may be one as it was written or one that is `unlinked`.
    """
    return mastodon_words.fingerprint(unlinked(text), media)


def standing(posts: Sequence[Listed], wanted: str, since: datetime) -> Listed | None:
    """Return the first post since a moment with this fingerprint; None where there is none."""
    fitting = [post for post in posts if post.at >= since and fingerprint(post.text, post.media) == wanted]
    return min(fitting, key=lambda post: post.at, default=None)


def repeated(posts: Sequence[Listed], message: Message, refusal: Refused, *, certain: bool) -> Receipt:
    """Return the post that a network's refusal of a repeat means, when the account has it since the first attempt.

    `posts` are those since `BEFORE` that; `certain` when what is not among them is nowhere. Raises: the refusal when it
    was for another post, Unknown when that cannot be told.
    """
    content = message.content
    there = standing(posts, fingerprint(content.text, len(content.media)), message.created_at - BEFORE)
    if there is not None:
        return Receipt(there.id, f"{there.where}, where it stood already")
    if certain:
        raise refusal
    raise Unknown(f"{refusal.message}: it cannot be told yet whether that is this one", remedy="look at the account")


def judged(posts: Sequence[Listed], attempted: Attempted, network: str) -> Evidence:
    """Return what the posts of an account say of an attempt whose handle is its fingerprint.

    `posts` are all since `BEFORE` the attempt; what may be it, cut or changed, is for a person to see.
    """
    content = attempted.message.content
    wanted = attempted.handle or fingerprint(content.text, len(content.media))
    near = [post for post in posts if post.at >= attempted.started_at - BEFORE]
    there = standing(near, wanted, attempted.started_at - BEFORE)
    if there is not None and there.at <= attempted.started_at + _AFTER:
        return Evidence(Found.SENT, f"stands at {there.where}", there.id)
    if there is not None:
        return Evidence(Found.OPEN, f"a post with these words stands at {there.where}, from another hour")
    maybe = next((post for post in near if _may_be(post, attempted)), None)
    if maybe is not None:
        return Evidence(
            Found.OPEN, f"a post that may be it stands at {maybe.where}: its words or media are not the same"
        )
    return Evidence(Found.NOT_SENT, f"not among the {len(near)} posts that {network} lists of the account since then")


def _may_be(post: Listed, attempted: Attempted) -> bool:
    """Whether a post that is not the attempt's to the letter may be it all the same."""
    if not attempted.same_words:
        return post.at <= attempted.started_at + _AFTER
    ours, theirs = bare(unlinked(attempted.message.content.text)), bare(post.text)
    if not ours:
        return post.media == len(attempted.message.content.media)
    return (len(theirs) >= _LEAST_CUT and ours.startswith(theirs.rstrip("\u2026."))) or alike(ours, theirs)
