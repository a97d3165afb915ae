"""The links and the picture of measured mails: who follows one is sent on, whatever becomes of the note about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from campaigns.rendering import links
from scheduler.errors import BusyError, SchedulerError, StorageError
from scheduler.operations import tracking, visitors
from scheduler.store.tracking import PICTURE, TRAP, Followed, Hit
from scheduler.tokens import Mark, Purpose, TokenError
from scheduler.web.doors import Doors

# A transparent picture of 1 x 1: head, size, two colours, the first one clear, and one point of it.
PIXEL = b"GIF89a" + bytes.fromhex("01000100800000 000000ffffff 21f9040100000000 2c00000000010001 0000 02024401003b")
_LOG_SECONDS = 1.0  # how long a reader waits for the note about a click
_MOST_WAITING = 1_000  # notes on their way to the database; what comes above is not written down
_READERS = 2  # lookups at once: each has a connection of its own
_log = logging.getLogger(__name__)

# Says what a request for a link nobody signed is answered: the page, and never more often than the doors allow.
Unknown = Callable[[Request], Response]


class Follow:
    """The doors of links and pictures. `unknown` answers forged tokens, `again` a database that is away."""

    def __init__(self, doors: Doors, *, unknown: Unknown, gone: Unknown, again: Unknown) -> None:
        self._doors = doors
        self._unknown, self._gone, self._again = unknown, gone, again
        self._readers = asyncio.Semaphore(_READERS)
        self._waiting = 0
        self._settling: asyncio.Task[None] | None = None
        self._fresh = False

    def routes(self) -> list[Route]:
        """Return the doors by their addresses; HEAD is answered as GET is, and never written down."""
        return [
            Route("/c/{token}", self._click, methods=["GET"]),
            Route("/o/{token}.gif", self._open, methods=["GET"]),
        ]

    async def _click(self, request: Request) -> Response:
        mark = self._read(Purpose.CLICK, request)
        if mark is None:
            return self._unknown(request)
        try:
            found = await self._followed(mark)
        except (BusyError, StorageError):
            return self._again(request)
        if found is None:
            return self._gone(request)
        await self._note(request, found, mark.number or TRAP)
        if mark.number == 0:
            return Response(status_code=204)
        # The table is ours, and yet: what stands there must be nothing but a web address before anybody is sent to it.
        url = links.checked(found.destination)
        return self._gone(request) if url is None else RedirectResponse(url, 302)

    async def _open(self, request: Request) -> Response:
        mark = self._read(Purpose.OPEN, request)
        if mark is None:
            return self._unknown(request)
        try:
            found = await self._followed(mark)
        except (BusyError, StorageError):
            found = None  # a mail shows no page: the picture comes, and nothing is written down
        if found is not None:
            await self._note(request, found, PICTURE)
        return Response(PIXEL, media_type="image/gif")

    def _read(self, purpose: Purpose, request: Request) -> Mark | None:
        try:
            return self._doors.keys.read_mark(purpose, request.path_params["token"])
        except TokenError:
            return None

    async def _followed(self, mark: Mark) -> Followed | None:
        """Look up a link, beside the writer: nobody waits for a mailing to see a page."""
        store = self._doors.store
        async with self._readers:
            return await asyncio.to_thread(tracking.followed, store, mark.delivery, mark.number)

    async def _note(self, request: Request, found: Followed, link: int) -> None:
        """Write a hit down with the others that come meanwhile; what goes wrong with that is no reader's business."""
        doors = self._doors
        if request.method != "GET" or self._waiting >= _MOST_WAITING:
            return
        if doors.limits.hits.take(str(found.delivery), doors.clock.monotonic()):
            return
        address = request.client.host if request.client is not None else ""
        seen = visitors.seen(request.headers, address, picture=link == PICTURE, networks=doors.networks)
        hit = Hit(found.delivery, found.contact, link, doors.clock.now(), seen)
        self._waiting += 1
        writing = asyncio.ensure_future(self._write(hit))
        try:
            async with asyncio.timeout(_LOG_SECONDS):
                await asyncio.shield(writing)
        except TimeoutError:
            _log.info("the note about a link of message %d waits for the database", found.delivery)

    async def _write(self, hit: Hit) -> None:
        try:
            await self._doors.writer.together(self._keep, hit)
        except Exception as error:  # a reader is sent on whatever happened to our notes
            why = error if isinstance(error, SchedulerError) else type(error).__name__
            _log.warning("what was done with message %d is not written down: %s", hit.delivery, why)
            return
        finally:
            self._waiting -= 1
        self._fresh = True
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle())

    def _keep(self, hits: Sequence[Hit]) -> list[None]:
        return tracking.keep(self._doors.store, hits)

    async def _settle(self) -> None:
        """Judge what was written down once it can be; ends when nothing came while it waited for that."""
        doors = self._doors
        seconds = tracking.SETTLED.total_seconds() + 1
        try:
            while self._fresh:
                self._fresh = False
                await asyncio.sleep(seconds)
                while await doors.do(lambda: tracking.settle(doors.store, doors.catalog, now=doors.clock.now())):
                    await asyncio.sleep(0)
        except SchedulerError as error:
            _log.warning("what readers did is judged later: %s", error)
