"""The HTTP client of one account at a platform: what may be asked again, and what must not go out twice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import httpx2

from scheduler.channels import posting
from scheduler.channels.answers import Answer, Said, discreet
from scheduler.channels.base import Mark
from scheduler.channels.posting import Sending
from scheduler.clock import Clock
from scheduler.errors import DeliveryError, NotSent, Unknown

_LARGEST_ANSWER = 2 << 20  # bytes: a page of an account's posts
_KEPT_SECONDS = 5.0  # long enough for the next step of a post, shorter than any platform lets a connection idle
_MOST_CONNECTIONS = 4

# Reads an answer in the platform's own words: None when it is a yes, else what it means.
Judge = Callable[[Said], DeliveryError | None]


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: one of a form, JSON, or bytes of a kind; `files` make the form a multipart one.

    A file is its name, its bytes and its MIME type, by the form's field.
    """

    form: Mapping[str, str] | None = None
    json: object = None
    content: bytes | None = None
    kind: str = ""
    files: Mapping[str, tuple[str, bytes, str]] | None = None


_NOTHING = Body()


def usual(said: Said) -> DeliveryError | None:
    """Judge an answer by its status alone."""
    return None if 200 <= said.answer.status < 300 else said.usual()


class Web:
    """Speaks to one platform for one account.

    `name` is what people call the platform, `base` where its interface is: scheme, host and perhaps a path. `secrets`
    never stand in an error. Nothing of the environment is read, redirects are not followed, since they would take the
    credentials along. `tls` replaces the system's certificates.
    """

    def __init__(
        self,
        name: str,
        base: str,
        clock: Clock,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        judge: Judge = usual,
        seconds: float = 30,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self.name = name
        self.headers = dict(headers or {})
        self.secrets = secrets
        self._base = base.rstrip("/")
        self._clock = clock
        self._judge = judge
        self._seconds = seconds
        self._tls = tls
        self._client: httpx2.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: Body = _NOTHING,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request that publishes nothing, and return its answer when that is a yes.

        Raises: NotSent when there is no answer, else what the answer means; never Unknown.
        """
        sending = Sending(_nothing, self._seconds)
        try:
            answer = await self._exchange(sending, method, path, body, query, headers)
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            raise NotSent(sending.verdict(self.name, error).message.partition(": it may")[0]) from None
        return self._judged(answer, may_have=False)

    async def commit(
        self,
        mark: Mark,
        method: str,
        path: str,
        body: Body = _NOTHING,
        *,
        handle: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make the request that publishes, awaiting `mark(handle)` on the open connection before its first byte.

        Raises: what the mark raises; NotSent while nothing had left; Unknown when there is no answer, or one that does
        not say; else what the answer means.
        """
        sending = Sending(partial(mark, handle), self._seconds)
        try:
            answer = await self._exchange(sending, method, path, body, query, headers)
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            if error is sending.failure:
                raise
            raise sending.verdict(self.name, error) from None
        return self._judged(answer, may_have=True)

    async def close(self) -> None:
        """Let go of the connections; the next request makes new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def unclear(self, what: str) -> Unknown:
        """Return that a yes without what it should hold does not tell whether the message was taken."""
        return Unknown(f"{self.name} answered without {what}: it may have taken the message")

    def told(self, text: str) -> str:
        """Return the platform's own words for the log: one line, no addresses, no secrets."""
        return discreet(text, self.secrets)

    def _judged(self, answer: Answer, *, may_have: bool) -> Answer:
        error = self._judge(Said(self.name, answer, may_have=may_have))
        if error is not None:
            raise error
        return answer

    async def _exchange(
        self,
        sending: Sending,
        method: str,
        path: str,
        body: Body,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        async with asyncio.timeout(self._seconds) as sending.limit:
            client = self._http()
            kind = {"Content-Type": body.kind} if body.content is not None else {}
            request = client.build_request(
                method,
                self._base + path,
                params=query,
                headers={
                    "User-Agent": "campaign-sequencer",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    **self.headers,
                    **kind,
                    **(headers or {}),
                },
                content=body.content,
                data=body.form,
                files=body.files,
                json=body.json,
                extensions={"trace": sending.trace},
            )
            response = await client.send(request, stream=True, follow_redirects=False)
            return await posting.answer(response, self._clock.now(), most=_LARGEST_ANSWER)

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            limits = httpx2.Limits(
                max_connections=_MOST_CONNECTIONS,
                max_keepalive_connections=_MOST_CONNECTIONS,
                keepalive_expiry=_KEPT_SECONDS,
            )
            self._client = posting.client(self._tls(), self._seconds, limits)
        return self._client


async def _nothing() -> None:
    """Stand for the mark of a request that needs none."""
