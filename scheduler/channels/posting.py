"""One HTTP request that must not go out twice: when its mark is due, what a failure of it means, when to come back."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2

from scheduler.channels.base import Mark
from scheduler.errors import DeliveryError, NotSent, Unknown

CONNECT_SECONDS = 10.0
_LONGEST_WAIT = timedelta(hours=24)


class Sending:
    """How far one request has come: awaits the mark when the connection is open, and says what a failure means.

    `trace` is the request's extension of that name; `limit`, the time-out around the request, has to be set before.
    """

    def __init__(self, mark: Mark, seconds: float) -> None:
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
        except BaseException as error:
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


def _is_slow(error: Exception) -> bool:
    return isinstance(error, (TimeoutError, httpx2.TimeoutException))


def _tls_reason(error: BaseException | None) -> str:
    """Return why TLS failed, if it did; the text of the error itself is not shown, it may tell secrets."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {getattr(error, 'verify_message', '') or error.reason}"
        error = error.__cause__ or error.__context__
    return ""
