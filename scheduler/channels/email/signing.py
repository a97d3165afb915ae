"""Mails are signed beside the event loop: RSA takes longer than all else of a mail, and lets others work meanwhile."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from scheduler.channels.email.mime import Mail
from scheduler.errors import NotSent

_TOGETHER = 16  # mails a thread is handed at a time: handing one over costs a fifth of its signature
_MOST_THREADS = 4


class Signing:
    """Signs mails by `sign`, which is called on threads, several at once. Belongs to the running event loop."""

    def __init__(self, sign: Callable[[Mail], Mail]) -> None:
        self._sign = sign
        self._waiting: deque[tuple[Mail, asyncio.Future[Mail]]] = deque()
        self._most = max(1, min(_MOST_THREADS, (os.cpu_count() or 2) - 1))
        self._at_work = 0
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="sign")

    async def signed(self, mail: Mail) -> Mail:
        """Return the mail with its signature; raises what `sign` raised for it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Mail] = loop.create_future()
        self._waiting.append((mail, future))
        if self._at_work < self._most:
            self._at_work += 1
            loop.call_soon(self._next, loop)  # what becomes ready in this turn of the loop goes along
        return await future

    def close(self) -> None:
        """Tell those who wait that they were not signed, and let the threads end."""
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(NotSent("the channel was closed before the mail was signed"))
        self._waiting.clear()
        self._threads.shutdown(wait=False)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand out what waits, if anything does."""
        lot = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER))]
        if not lot:
            self._at_work -= 1
            return
        done = loop.run_in_executor(self._threads, self._sign_all, [mail for mail, _ in lot])
        done.add_done_callback(lambda found: self._settle(loop, [future for _, future in lot], found))

    def _settle(
        self,
        loop: asyncio.AbstractEventLoop,
        futures: Sequence[asyncio.Future[Mail]],
        found: asyncio.Future[list[Mail | Exception]],
    ) -> None:
        if found.cancelled():  # the loop ends, and with it whoever waits
            return
        for future, answer in zip(futures, found.result(), strict=True):
            if future.done():  # nobody waits for it any more
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._next(loop)

    def _sign_all(self, mails: Sequence[Mail]) -> list[Mail | Exception]:
        return [self._attempt(mail) for mail in mails]

    def _attempt(self, mail: Mail) -> Mail | Exception:
        try:
            return self._sign(mail)
        except Exception as error:  # of this mail alone: raised where it is awaited
            return error
