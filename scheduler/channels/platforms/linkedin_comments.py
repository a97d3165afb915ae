"""Comments on LinkedIn below a post of our own.

Source: https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api. LinkedIn knows no
key; what became of a comment is read from those below the post, where the token may read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from scheduler.channels.base import Above, Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms import timeline
from scheduler.channels.platforms.base import hung_on
from scheduler.channels.platforms.timeline import Listed, fingerprint
from scheduler.channels.platforms.web import Body, Web
from scheduler.errors import ChannelDown, NotSent, Refused

LONGEST = 1_250  # characters
POST = re.compile(r"urn:li:(?:share|ugcPost|activity):[0-9]{1,25}\Z")
_COMMENT = re.compile(r"urn:li:comment:\(urn:li:[A-Za-z]{1,20}:[0-9]{1,25},[0-9]{1,25}\)\Z|[0-9]{1,25}\Z")
_PAGE, _MOST_PAGES = 50, 6
_SURE = timedelta(minutes=30)
_AGAIN = timedelta(minutes=10)


class Missing(ChannelDown):
    """404: the endpoint is none of LinkedIn's, or a post is gone."""


async def send(web: Web, author: str, message: Message, above: Above, mark: Mark) -> Receipt:
    """Write a comment below a post; nothing in its text is a sign for LinkedIn."""
    text = message.content.text
    if not text.strip():
        raise Refused("a comment without words")
    if len(text) > LONGEST:
        raise Refused(f"a comment of {len(text):,} characters: LinkedIn takes at most {LONGEST:,}")
    if message.content.media:
        raise Refused("a comment on LinkedIn carries no pictures here")
    post = hung_on("LinkedIn", above.post, POST)
    body = Body(json={"actor": author, "object": post, "message": {"text": text}})
    try:
        answer = await web.commit(mark, "POST", _below(post), body, handle=fingerprint(text, 0))
    except Missing as error:
        raise Refused(f"the post it hangs on is not there any more: {error.message}") from None
    given = answer.text("commentUrn") or answer.text("$URN") or answer.headers.get("x-restli-id", "")
    if not _COMMENT.match(given):
        raise web.unclear("the name of a comment")
    return Receipt(given, f"a comment at {_where(post)}")


async def settle(web: Web, author: str, attempted: Attempted, above: Above, now: datetime) -> Evidence:
    """Look through the comments below the post. Raises: ChannelDown where the token may not read them."""
    post = hung_on("LinkedIn", above.post, POST)
    comments, whole = await _comments(web, author, post)
    found = timeline.judged(comments, attempted, "LinkedIn")
    if found.found is not Found.NOT_SENT:
        return found
    if not whole:
        return Evidence(Found.OPEN, f"the post has more than {_PAGE * _MOST_PAGES} comments: look there")
    if now < attempted.started_at + _SURE:
        return Evidence(Found.OPEN, found.words, look_at=now + _AGAIN)
    return found


def _where(post: str) -> str:
    return f"https://www.linkedin.com/feed/update/{post}"


def _below(post: str) -> str:
    return f"/rest/socialActions/{quote(post, safe='')}/comments"


async def _comments(web: Web, author: str, post: str) -> tuple[list[Listed], bool]:
    """Return the author's comments below a post, and whether these are all."""
    found: list[Listed] = []
    for page in range(_MOST_PAGES):
        query = {"start": str(page * _PAGE), "count": str(_PAGE)}
        elements = (await web.ask("GET", _below(post), query=query)).fields.get("elements")
        if not isinstance(elements, list):
            raise NotSent("LinkedIn answered without the comments of the post")
        found += [one for element in elements if (one := _listed(element, author, post)) is not None]
        if len(elements) < _PAGE:
            return found, True
    return found, False


def _listed(element: object, author: str, post: str) -> Listed | None:
    """Read one comment; None for somebody else's. Raises: NotSent for what is none: nothing may be overlooked."""
    fields: Mapping[str, object] = element if isinstance(element, Mapping) else {}
    created, message = fields.get("created"), fields.get("message")
    made = created.get("time") if isinstance(created, Mapping) else None
    text = message.get("text") if isinstance(message, Mapping) else None
    given = fields.get("commentUrn") or fields.get("$URN") or fields.get("id")
    if not isinstance(given, str) or not isinstance(made, int) or not 0 < made < 1 << 42:
        raise NotSent("LinkedIn lists a comment without its name or its moment")
    if fields.get("actor") not in (None, author):
        return None
    words = timeline.unlinked(text) if isinstance(text, str) else ""
    return Listed(given, words, 0, datetime.fromtimestamp(made / 1000, UTC), _where(post))
