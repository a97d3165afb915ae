"""Posts of an organization or a person on LinkedIn: texts, one picture or several.

Source: https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api, /images-api and
/little-text-format. LinkedIn knows no key, but refuses the same words a second time for a day or two, naming a post;
that one need not exist (seen after deletions), so only a post that LinkedIn lists counts as sent.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from urllib.parse import urlsplit

from campaigns.limits import limit
from scheduler.channels.account import Account
from scheduler.channels.answers import Answer, Said, discreet
from scheduler.channels.base import Attempted, Evidence, Found, Mark, Message, Receipt
from scheduler.channels.platforms import linkedin_comments, timeline
from scheduler.channels.platforms.base import Access, Platform
from scheduler.channels.platforms.linkedin_comments import Missing
from scheduler.channels.platforms.media import Medium, as_jpeg
from scheduler.channels.platforms.timeline import Listed, fingerprint
from scheduler.channels.platforms.web import Body, Web
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, DeliveryError, NotSent, Refused

ENDPOINT = "https://api.linkedin.com"
VERSION = "202605"  # of May 2026; LinkedIn takes each for a year at least
MOST_PICTURES = 20

_AUTHOR = re.compile(r"urn:li:(?:organization|person):[A-Za-z0-9_-]{1,40}\Z")
_VERSION = re.compile(r"20[2-9][0-9](?:0[1-9]|1[0-2])\Z")
_POST = re.compile(r"urn:li:(?:share|ugcPost):[0-9]{1,25}\Z")
_NAMED = re.compile(r"urn:li:(?:share|ugcPost):[0-9]{1,25}")
_IMAGE = re.compile(r"urn:li:image:[A-Za-z0-9_-]{1,80}\Z")
_UPLOADS = re.compile(r"https://(?:[a-z0-9-]{1,60}\.){0,3}(?:linkedin|licdn)\.com\Z")
_RESERVED = re.compile(r"[|{}@\[\]()<>#\\*_~]")
# An address, the sign of a hashtag outside of one, or a sign that LinkedIn would read.
_SIGN = re.compile(rf"https?://\S+|(?P<tag>(?<![\w&/])#(?=[\d_]*[^\W\d_]))|{_RESERVED.pattern}")
_TAG = re.compile(r"\{hashtag\|\\?[#\uff03]\|((?:[^|{}\\]|\\.)*)\}")
_PERSON = re.compile(r"@\[((?:[^\[\]\\]|\\.)*)\]\(urn:li:[a-zA-Z]+:[^()]{1,60}\)")
_TAKEN_AS_THEY_ARE = frozenset({"image/jpeg", "image/png", "image/gif"})
_MOST_BYTES = 5_000_000
_WIDEST = 6_000  # a square one has 36 million pixels then, which is the most LinkedIn takes
_UPLOAD = 4  # times as long as another request
_PAGE, _MOST_PAGES = 50, 6
_SURE = timedelta(minutes=30)  # a post that is not listed by then did not go; a new one may take its time
_AGAIN = timedelta(minutes=10)


class _Repeated(Refused):
    """LinkedIn takes it for a repeat of a post."""


class NoRight(ChannelDown):
    """The token lacks a right."""


@dataclass(slots=True)
class LinkedInAccess(Access):
    """One account: who posts, and the client that hands over pictures."""

    author: str
    uploads: Web
    origin: str


class LinkedInChannel(Platform[LinkedInAccess]):
    """Posts in the name of `author`; hashtags stay hashtags, nothing else in a text is a sign for LinkedIn."""

    name = "linkedin"
    fields = ("token", "author", "version", "endpoint")
    settles_after = timedelta(minutes=2)

    def connect(self, fields: Account, name: str) -> LinkedInAccess:
        """Return the access to an account. Raises SchedulerError where one of its fields cannot be used."""
        token = fields.token("token")
        origin = fields.endpoint(ENDPOINT)
        version = fields.word("version", _VERSION, VERSION, default=VERSION)
        headers = {
            "Authorization": f"Bearer {token}",
            "Linkedin-Version": version,
            "X-Restli-Protocol-Version": "2.0.0",
        }
        judge = partial(_judge, self._clock, (token,))
        web = Web(
            "LinkedIn",
            origin,
            self._clock,
            headers=headers,
            secrets=(token,),
            judge=judge,
            seconds=self._seconds,
            tls=self._tls,
        )
        uploads = Web(
            "LinkedIn",
            "",  # pictures go to the address that LinkedIn gives for each
            self._clock,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token,),
            judge=judge,
            seconds=self._seconds * _UPLOAD,
            tls=self._tls,
        )
        author = fields.word("author", _AUTHOR, "urn:li:organization:1234567")
        return LinkedInAccess(name, web, author, uploads, origin)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Publish one post, its pictures first, or a comment below one.

        What LinkedIn takes for a repeat is sent if it lists the post.
        """
        access, content = self.access(message), message.content
        if message.above is not None:
            return await linkedin_comments.send(access.web, access.author, message, message.above, mark)
        _check(message)
        media = [await asyncio.to_thread(_fitting, await self._media.read(file, alt)) for file, alt in content.media]
        images = [await self._uploaded(access, medium) for medium in media]
        wanted = fingerprint(content.text, len(media))
        body = Body(json=_post(access.author, content.text, images))
        try:
            answer = await access.web.commit(mark, "POST", "/rest/posts", body, handle=wanted)
        except _Repeated as error:
            return await self._repeated(access, message, error)
        urn = answer.headers.get("x-restli-id", "")
        if not _POST.match(urn):
            raise access.web.unclear("the name of a post")
        return Receipt(urn, _where(urn))

    async def settle(self, attempted: Attempted) -> Evidence:
        """Look through the posts of the account since the attempt, where the token may read them."""
        access, above = self.access(attempted.message), attempted.message.above
        try:
            if above is not None:
                now = self._clock.now()
                return await linkedin_comments.settle(access.web, access.author, attempted, above, now)
            posts, whole = await self._since(access, attempted.started_at - timeline.BEFORE)
        except NoRight:
            return Evidence(
                Found.OPEN, "this token may not read the posts of the account: look there (r_organization_social)"
            )
        found = timeline.judged(posts, attempted, "LinkedIn")
        if found.found is not Found.NOT_SENT:
            return found
        if not whole:
            return Evidence(Found.OPEN, f"the account has posted more than {len(posts)} times since: look there")
        if self._clock.now() < attempted.started_at + _SURE:
            return replace(found, found=Found.OPEN, look_at=self._clock.now() + _AGAIN)
        return found

    async def close(self) -> None:
        """Let go of all connections."""
        opened = list(self._open.values())
        await super().close()
        for access in opened:
            await access.uploads.close()

    async def _repeated(self, access: LinkedInAccess, message: Message, refusal: _Repeated) -> Receipt:
        """Return the post that an earlier attempt made, where LinkedIn lists it."""
        try:
            posts, whole = await self._since(access, message.created_at - timeline.BEFORE)
        except DeliveryError:
            posts, whole = [], False
        late = self._clock.now() >= message.created_at + _SURE
        return timeline.repeated(posts, message, refusal, certain=whole and late)

    async def _since(self, access: LinkedInAccess, earliest: datetime) -> tuple[list[Listed], bool]:
        """Return the posts of the account from a moment on, and whether these are all."""
        found: list[Listed] = []
        for page in range(_MOST_PAGES):
            query = {
                "q": "author",
                "author": access.author,
                "count": str(_PAGE),
                "start": str(page * _PAGE),
                "sortBy": "CREATED",
            }
            answer = await access.web.ask("GET", "/rest/posts", query=query, headers={"X-RestLi-Method": "FINDER"})
            elements = answer.fields.get("elements")
            if not isinstance(elements, list):
                raise NotSent("LinkedIn answered without the posts of the account")
            listed = [_listed(element) for element in elements]
            found += [post for post in listed if post.at >= earliest]
            if not listed or any(post.at < earliest for post in listed):
                return found, True
        return found, False

    async def _uploaded(self, access: LinkedInAccess, medium: Medium) -> dict[str, str]:
        """Hand a picture over, which nobody sees before the post, and return how the post names it."""
        asked = Body(json={"initializeUploadRequest": {"owner": access.author}})
        answer = await access.web.ask("POST", "/rest/images", asked, query={"action": "initializeUpload"})
        value = answer.fields.get("value")
        given = value if isinstance(value, dict) else {}
        image, url = str(given.get("image", "")), str(given.get("uploadUrl", ""))
        if not _IMAGE.match(image) or not _is_theirs(url, access.origin):
            raise NotSent("LinkedIn answered without the place to hand a picture over at")
        await access.uploads.ask("PUT", url, Body(content=medium.data, kind=medium.mime))
        return {"id": image, **({"altText": medium.alt} if medium.alt else {})}


def little(text: str) -> str:
    """Return a text in LinkedIn's own notation, in which hashtags stay hashtags and every other sign stays a sign."""
    return _SIGN.sub(lambda found: found["tag"] or _RESERVED.sub(r"\\\g<0>", found[0]), text)


def plain(commentary: str) -> str:
    """Return the words of a post as LinkedIn gives them back."""
    names = _PERSON.sub(r"\1", _TAG.sub(r"#\1", commentary))
    return re.sub(r"\\(.)", r"\1", names, flags=re.DOTALL)


def _check(message: Message) -> None:
    content = message.content
    most = int(limit("linkedin.text.length", {}).most or 0)
    if len(content.text) > most:
        raise Refused(f"the text has {len(content.text):,} characters: LinkedIn takes at most {most:,}")
    if len(content.media) > MOST_PICTURES:
        raise Refused(f"{len(content.media)} pictures in one post: LinkedIn takes at most {MOST_PICTURES}")
    if not content.text.strip() and not content.media:
        raise Refused("a post without text and pictures")


def _fitting(medium: Medium) -> Medium:
    if medium.is_video:
        raise Refused(f"{medium.name} is a video: to LinkedIn only pictures go", remedy="write its address in the text")
    if medium.mime in _TAKEN_AS_THEY_ARE and len(medium.data) <= _MOST_BYTES and medium.width <= _WIDEST:
        return medium
    return as_jpeg(medium, most_bytes=_MOST_BYTES, most_width=_WIDEST)


def _post(author: str, text: str, images: list[dict[str, str]]) -> dict[str, object]:
    post: dict[str, object] = {
        "author": author,
        "commentary": little(text),
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    if images:
        post["content"] = {"media": images[0]} if len(images) == 1 else {"multiImage": {"images": images}}
    return post


def _is_theirs(url: str, origin: str) -> bool:
    """Whether an address to hand something over at, where our token goes too, is LinkedIn's own."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    parts = urlsplit(url)
    whose = f"{parts.scheme}://{parts.netloc}"
    return whose == origin or _UPLOADS.match(whose) is not None


def _listed(element: object) -> Listed:
    """Read one post of the list. Raises: NotSent for what is none: nothing may be overlooked."""
    fields: dict[str, object] = element if isinstance(element, dict) else {}
    urn, made = fields.get("id"), fields.get("publishedAt") or fields.get("createdAt")
    if not isinstance(urn, str) or not _POST.match(urn) or not isinstance(made, int) or not 0 < made < 1 << 42:
        raise NotSent("LinkedIn lists a post without its name or its moment")
    content = fields.get("content")
    shown: dict[str, object] = content if isinstance(content, dict) else {}
    several = shown.get("multiImage")
    images = several.get("images") if isinstance(several, dict) else None
    media = len(images) if isinstance(images, list) else int("media" in shown)
    commentary = fields.get("commentary")
    words = plain(commentary) if isinstance(commentary, str) else ""
    return Listed(urn, timeline.unlinked(words), media, datetime.fromtimestamp(made / 1000, UTC), _where(urn))


def _where(urn: str) -> str:
    return f"https://www.linkedin.com/feed/update/{urn}"


def _judge(clock: Clock, secrets: tuple[str, ...], said: Said) -> DeliveryError | None:
    """Read an answer by its status, `message` and the codes of `errorDetails`."""
    answer = said.answer
    if 200 <= answer.status < 300:
        return None
    words = discreet(answer.text("message"), secrets)
    told = replace(said, words=f"({words})" if words else "")
    if answer.status == 422 and ("DUPLICATE_POST" in _codes(answer) or "duplicate of urn" in words):
        named = _NAMED.search(answer.text("message"))
        return _Repeated(
            f"LinkedIn takes it for a repeat of {named.group() if named else 'a post it does not name'}",
            remedy="change a word: LinkedIn forgets what it has seen after a day or two",
        )
    if answer.status == 404:
        return Missing(str(told), remedy="mend `endpoint` of the account")
    if answer.status == 401:
        return told.down("make a new token: LinkedIn's last 60 days")
    if answer.status == 403:
        right = "give the token the right w_organization_social or w_member_social, and the author a role at the page"
        return NoRight(str(told), remedy=right)
    if answer.status == 426 or (answer.status == 400 and "VERSION" in answer.text("code").upper()):
        return told.down(
            "set `version` of the account to a month that LinkedIn still serves, e.g. that of last quarter"
        )
    if answer.status == 429 and answer.retry_at is None and "DAY" in words.upper():
        tomorrow = clock.now().astimezone(UTC).date() + timedelta(days=1)
        return NotSent(str(told), retry_at=datetime.combine(tomorrow, time(0, 5), UTC))
    return told.usual()


def _codes(answer: Answer) -> set[str]:
    details = answer.fields.get("errorDetails")
    errors = details.get("inputErrors") if isinstance(details, dict) else None
    return {str(error.get("code")) for error in (errors if isinstance(errors, list) else ()) if isinstance(error, dict)}
