"""One SMTP stream on the event loop: bytes out, replies in, in the order they were asked for; no meaning of either."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable

from scheduler.channels.email.wire import Dropped, Reply

_LONGEST_LINE = 4_096  # RFC 5321 4.5.3.1.5 asks for 512; some servers say more
_MOST_LINES = 128
_SHORT = 40
_MOST_USUAL = 256
_USUAL: dict[bytes, Reply] = {}  # replies of one short line: servers say yes in the same words again and again
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?\Z", re.DOTALL)


class _Group:
    """Replies that are awaited together; `seconds` is the patience with each of them, `last` with the last one."""

    __slots__ = ("future", "last", "left", "replies", "seconds")

    def __init__(self, future: asyncio.Future[list[Reply]], count: int, seconds: float, last: float) -> None:
        self.future = future
        self.left = count
        self.seconds = seconds
        self.last = last
        self.replies: list[Reply] = []


class Dialogue(asyncio.Protocol):
    """Writes commands and hands back replies; whatever breaks the order of the two ends the connection.

    `on_lost` is called once, when nothing can be said any more; `lost` then says why. A reply nobody asked for ends
    the connection too: the next answer would be taken for another command's.
    """

    def __init__(self, greeting_seconds: float, on_lost: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._groups: deque[_Group] = deque()
        self._heard = b""
        self._lines: list[str] = []
        self._code = b""
        self._replies = 0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._flowing: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.lost: Dropped | None = None
        self.greeting = self.expect(1, greeting_seconds)

    @property
    def transport(self) -> asyncio.Transport:
        """The transport underneath, once there is one."""
        assert self._transport is not None
        return self._transport

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is awaited, and nothing was heard that nobody has taken."""
        return not self._groups and not self._heard and not self._lines and self.lost is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; called a second time when TLS begins."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        # A mail counts as written when the kernel has all of it: only then is it marked.
        transport.set_write_buffer_limits(high=0)
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """Cut what came into lines, and lines into replies."""
        if self._heard:
            data = self._heard + data
        at = 0
        before = self._replies
        while (end := data.find(b"\n", at)) >= 0:
            self._line(data[at : end - 1 if data[end - 1 : end] == b"\r" and end > at else end])
            if self.lost is not None:
                return
            at = end + 1
        if self._replies != before and self._groups:
            self._set_deadline()  # once for all that came together
        self._heard = data[at:]
        if len(self._heard) > _LONGEST_LINE:
            self.lose("gave an answer that means nothing: a line without end")

    def _line(self, line: bytes) -> None:
        if not self._lines and (known := _USUAL.get(line)) is not None:
            self._take(known)
            return
        found = _LINE.match(line) if len(line) <= _LONGEST_LINE else None
        if found is None or (self._lines and found[1] != self._code) or len(self._lines) >= _MOST_LINES:
            self.lose(f"gave an answer that means nothing: {_printable(line)}")
            return
        self._lines.append((found[3] or b"").decode(errors="replace"))
        self._code = found[1]
        if found[2] != b"-":
            reply = Reply(int(found[1]), "\n".join(self._lines))
            if len(self._lines) == 1 and len(line) <= _SHORT and len(_USUAL) < _MOST_USUAL:
                _USUAL[line] = reply
            self._lines = []
            self._take(reply)

    def _take(self, reply: Reply) -> None:
        if not self._groups:
            self.lose(f"said what nobody asked: {reply.code}")
            return
        self._replies += 1
        group = self._groups[0]
        group.replies.append(reply)
        group.left -= 1
        closing = reply.code == 421
        if group.left == 0 or closing:
            self._groups.popleft()
            if group.future.cancelled():
                self.lose("is no longer wanted")
                return
            group.future.set_result(group.replies)
        if closing:
            self.lose("closes the connection: 421", busy=True)
        elif self._groups and self._groups[0].future.cancelled():
            self.lose("is no longer wanted")

    def expect(
        self,
        count: int,
        seconds: float,
        future: asyncio.Future[list[Reply]] | None = None,
        *,
        last: float | None = None,
    ) -> asyncio.Future[list[Reply]]:
        """Await `count` more replies; the future gets them all, or fewer when the last of them is a 421.

        Each is waited for so many `seconds` after what came before it, the last one for `last` where that is given.
        It fails with Dropped when the connection ends first. Cancelling it ends the connection at its turn.
        """
        if future is None:
            future = self._loop.create_future()
        if self.lost is not None:
            future.set_exception(Dropped(str(self.lost), busy=self.lost.busy))
            future.exception()
            return future
        self._groups.append(_Group(future, count, seconds, seconds if last is None else last))
        if len(self._groups) == 1:
            self._set_deadline()
        return future

    def write(self, data: bytes) -> None:
        """Write bytes, which leave in order; nothing is written any more once the connection is lost."""
        if self.lost is None:
            self.transport.write(data)

    async def written(self, seconds: float) -> None:
        """Wait until everything written left for the kernel; as long as some leaves every `seconds`.

        Raises Dropped.
        """
        while self._flowing is not None and self.lost is None:
            before = self.transport.get_write_buffer_size()
            done, _ = await asyncio.wait([self._flowing], timeout=seconds)
            if not done and self.lost is None and self.transport.get_write_buffer_size() >= before:
                self.lose("did not answer in time")
        if self.lost is not None:
            raise self.lost

    def pause_writing(self) -> None:
        """Note that the kernel takes no more until some of it has left."""
        self._flowing = self._flowing or self._loop.create_future()

    def resume_writing(self) -> None:
        """Note that everything has left."""
        flowing, self._flowing = self._flowing, None
        if flowing is not None and not flowing.done():
            flowing.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Note that the line is dead."""
        self.lose("hung up")
        if not self._gone.done():
            self._gone.set_result(None)

    async def ended(self) -> None:
        """Wait until the connection is closed."""
        await self._gone

    def give_up(self, future: asyncio.Future[list[Reply]]) -> None:
        """End the connection when it is `future` that is awaited next; what is awaited before it is heard out."""
        if self._groups and self._groups[0].future is future:
            self.lose("is no longer wanted")

    def lose(self, how: str, *, busy: bool = False) -> None:
        """End the connection without a word; whoever waits for a reply is told `how`."""
        if self.lost is not None:
            return
        self.lost = Dropped(how, busy=busy)
        if self._timer is not None:
            self._timer.cancel()
        groups, self._groups = self._groups, deque()
        for group in groups:
            if not group.future.done():
                group.future.set_exception(Dropped(how, busy=busy))
                group.future.exception()  # heard: who still waits is told, and nobody else has to know
        self.resume_writing()
        if self._transport is not None:
            self._transport.abort()
        elif not self._gone.done():
            self._gone.set_result(None)
        self._on_lost()

    def _set_deadline(self) -> None:
        if not self._groups or self._transport is None:
            return
        group = self._groups[0]
        self._deadline = self._loop.time() + (group.seconds if group.left > 1 else group.last)
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_time)

    def _look_at_the_time(self) -> None:
        self._timer = None
        if self._groups and self._loop.time() >= self._deadline:
            self.lose("did not answer in time")
        elif self._groups:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_time)


def _printable(line: bytes) -> str:
    return "".join(character for character in line[:40].decode(errors="replace") if character.isprintable())
