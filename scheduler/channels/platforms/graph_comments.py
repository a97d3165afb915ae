"""Comments on Facebook and Instagram below a post of our own: one request, and what became of it read from the list.

Sources: https://developers.facebook.com/docs/graph-api/reference/object/comments and
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-media/comments. Neither knows a
key that keeps a repeat from being a second comment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scheduler.channels.base import Above, Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms.base import hung_on
from scheduler.channels.platforms.graph import LISTED, POST_ID, Gone, Graph, Post, is_id
from scheduler.channels.platforms.mastodon_words import fingerprint
from scheduler.errors import NotSent, Refused

_BEFORE, _AFTER = timedelta(minutes=1), timedelta(hours=1)  # their clock and ours differ, and they take their time
_SURE = timedelta(minutes=10)  # a comment that is not listed by then did not go
_AGAIN = timedelta(minutes=5)
_GIVE_UP = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Comments:
    """How a platform speaks of comments: words and moment, how long one may be (0: unknown), how they are listed."""

    words: str
    at: str
    most: int = 0
    listing: Mapping[str, str] = field(default_factory=dict)


FACEBOOK = Comments("message", "created_time", 8_000, {"filter": "stream", "order": "reverse_chronological"})
INSTAGRAM = Comments("text", "timestamp")


async def send(graph: Graph, message: Message, above: Above, mark: Mark, kind: Comments) -> Receipt:
    """Write a comment below a post. Raises: Refused where there is nothing to write, NotSent without the post."""
    graph.rested()
    text = message.content.text
    if not text.strip():
        raise Refused("a comment without words")
    if kind.most and len(text) > kind.most:
        raise Refused(f"a comment of {len(text):,} characters: {graph.web.name} takes at most {kind.most:,}")
    if message.content.media:
        raise Refused(f"a comment on {graph.web.name} carries no pictures here")
    post = hung_on(graph.web.name, above.post, POST_ID)
    try:
        await graph.ask("GET", f"/{post}", query={"fields": "id"})
    except Gone:  # asked before the mark: of the request itself nobody would know what that means
        raise NotSent(f"{graph.web.name} does not show the post {post} that the comment hangs on") from None
    wanted = fingerprint(text, 0)
    answer = await graph.commit(mark, f"/{post}/comments", {"message": text}, handle=wanted)
    if not is_id(given := answer.text("id")):
        raise graph.web.unclear("the id of the comment")
    return Receipt(given, f"a comment on {graph.web.name}")


async def settle(graph: Graph, attempted: Attempted, above: Above, now: datetime, kind: Comments) -> Evidence:
    """Look through the comments below the post since the attempt, for its words."""
    began, name = attempted.started_at, graph.web.name
    again = now + _AGAIN if now + _AGAIN < began + _GIVE_UP else None
    post = hung_on(name, above.post, POST_ID)
    try:
        listed = await graph.posts("comments", kind.words, kind.at, of=post, more=kind.listing)
    except Gone:
        return Evidence(Found.OPEN, f"{name} does not show the post {post} that the comment hangs on", look_at=again)
    wanted = attempted.handle or fingerprint(attempted.message.content.text, 0)
    near = [one for one in listed if began - _BEFORE <= one.at <= began + _AFTER]
    there = min((one for one in near if fingerprint(one.text, 0) == wanted), key=_moment, default=None)
    if there is not None:
        return Evidence(Found.SENT, f"{name} shows the comment {there.id} with these words", there.id)
    if len(listed) >= LISTED and all(one.at >= began - _BEFORE for one in listed):
        return Evidence(Found.OPEN, f"the post {post} has had more than {LISTED} comments since: look there")
    if now < began + _SURE:
        return Evidence(Found.OPEN, f"the post {post} shows no such comment yet", look_at=began + _SURE)
    return Evidence(Found.NOT_SENT, f"not among the {len(near)} comments of that time below the post {post}")


def _moment(comment: Post) -> datetime:
    return comment.at
