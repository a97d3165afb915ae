"""One HTTP request that must not go out twice: when its mark is due, what a failure means, how its answer is read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2

from scheduler.channels.answers import Answer
from scheduler.errors import DeliveryError, NotSent, Unknown

CONNECT_SECONDS = 10.0
_LONGEST_WAIT = timedelta(hours=24)


class Sending:
    """How far one request has come: awaits the mark when the connection is open, and says what a failure means.

    `trace` is the request's extension of that name; `limit`, the time-out around the request, has to be set before.
    """

    def __init__(self, mark: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._mark = mark
        self._seconds = seconds
        self._begun = False
        self.failure: BaseException | None = None  # what the mark itself raised
        self.limit: asyncio.Timeout

    async def trace(self, event: str, _info: object) -> None:
        """Await the mark, once, when the client is about to write; the time the mark takes is not the far end's."""
        if self._begun or not event.endswith(".send_request_headers.started"):
            return
        self.limit.reschedule(None)
        try:
            await self._mark()
        except BaseException as error:  # kept as it is: the client may wrap what is raised in here
            self.failure = error
            raise
        self._begun = True
        self.limit.reschedule(asyncio.get_running_loop().time() + self._seconds)

    def verdict(self, host: str, error: Exception) -> DeliveryError:
        """Return NotSent while nothing had left, Unknown from the first byte on."""
        if self._begun:
            what = "did not answer in time" if _is_slow(error) else "broke the connection"
            return Unknown(f"{host} {what}: it may have taken the message")
        reason = "no connection in time" if _is_slow(error) else _tls_reason(error) or "no connection"
        return NotSent(f"{host} cannot be reached: {reason}")


def retry_at(now: datetime, text: str | None) -> datetime | None:
    """Read Retry-After, seconds or a date (RFC 9110 10.2.3), at most a day ahead; None when it says nothing."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        wait = timedelta(seconds=min(int(text.strip()[:9]), 10**6))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return now + min(max(wait, timedelta(0)), _LONGEST_WAIT)


def client(tls: ssl.SSLContext, seconds: float, limits: httpx2.Limits) -> httpx2.AsyncClient:
    """Return a client that reads nothing of the environment and logs no addresses: these are often secrets."""
    for library in ("httpx2", "httpcore2"):
        logging.getLogger(library).setLevel(logging.WARNING)
    return httpx2.AsyncClient(
        verify=tls,
        timeout=httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
        trust_env=False,
        limits=limits,
    )


async def answer(response: httpx2.Response, now: datetime, *, most: int) -> Answer:
    """Read what came back, of a body of at most `most` bytes, and close it.

    A body that breaks off, is longer or is no JSON counts as empty: the status says enough.
    """
    try:
        body = await _body(response, most)
        value = _json(body)
    finally:
        with contextlib.suppress(httpx2.HTTPError, OSError):
            await response.aclose()
    return Answer(
        response.status_code,
        {name.lower(): value for name, value in response.headers.items()},
        value if isinstance(value, dict) else {},
        retry_at(now, response.headers.get("retry-after")),
        value if isinstance(value, list) else (),
        isinstance(value, list),
        body,
    )


async def _body(response: httpx2.Response, most: int) -> bytes:
    body = b""
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > most:
                return b""
    except (httpx2.HTTPError, OSError):
        return b""
    return body


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _is_slow(error: Exception) -> bool:
    return isinstance(error, (TimeoutError, httpx2.TimeoutException))


def _tls_reason(error: BaseException | None) -> str:
    """Return why TLS failed, if it did; the text of the error itself is not shown, it may tell secrets."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {getattr(error, 'verify_message', '') or error.reason}"
        error = error.__cause__ or error.__context__
    return ""
