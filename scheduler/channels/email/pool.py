"""A few lines to one mail server, shared by all mails: who may speak when, and when nobody should knock."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta

from scheduler.channels.base import Mark
from scheduler.channels.email import wire
from scheduler.channels.email.dialogue import Dialogue
from scheduler.channels.email.line import Line, Turn, opened
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.server import PoolLimits, SmtpServer, Timeouts
from scheduler.channels.email.wire import CHECK, Dropped
from scheduler.clock import Clock
from scheduler.errors import ChannelDown, DeliveryError, NotSent, OurFault, Refused, Unknown


class Rest:
    """How long a server is left alone that would not have us; longer each time, until it takes a mail again."""

    def __init__(self, clock: Clock, limits: PoolLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._times = 0
        self._until: float | None = None
        self.why = ""

    @property
    def left(self) -> float:
        """How many seconds are left of it, 0 when the server may be asked."""
        return 0.0 if self._until is None else max(self._until - self._clock.monotonic(), 0.0)

    @property
    def over_at(self) -> datetime:
        """When it is over, aware UTC."""
        return self._clock.now() + timedelta(seconds=self.left)

    def begin(self, why: str) -> None:
        """Begin a rest; one that is on goes on."""
        if not self.left:
            seconds = min(self._limits.rest * 2 ** min(self._times, 10), self._limits.longest_rest)
            self._until, self.why = self._clock.monotonic() + seconds, why
            self._times += 1

    def note_taken(self) -> None:
        """Note that the server took a mail: the next rest is short again. One that is on goes on."""
        if not self.left:
            self._times = 0


class Pool:
    """At most `limits.connections` lines to a server, opened when they are needed and used again.

    A mail takes an idle line, else a new one, else follows the final dot of another mail, else waits. It is marked
    only when the mail before it on its line is answered, so no more mails are under way than there are lines. Belongs
    to the running event loop.
    """

    def __init__(
        self,
        server: SmtpServer,
        limits: PoolLimits,
        timeouts: Timeouts,
        tls: Callable[[], ssl.SSLContext],
        hello: str,
        clock: Clock,
    ) -> None:
        self._server = server
        self._limits = limits
        self._timeouts = timeouts
        self._tls = tls
        self._hello = hello
        self._rest = Rest(clock, limits)
        self._lines: dict[Dialogue, Line] = {}
        self._idle: list[Line] = []
        self._ending: dict[Line, None] = {}  # the final dot is out, and nobody follows it yet
        self._waiting: deque[Turn] = deque()
        self._openings: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def deliver(self, mail: Mail, mark: Mark) -> str:
        """Hand a mail over, awaiting `mark` when all of it but the final dot is written; return the server's words.

        Raises what a channel may raise. A line that the server gave up while it was idle costs nothing but another.
        """
        data = wire.travelling(mail)
        for left in range(self._limits.connections, -1, -1):
            turn = Turn(mail, data)
            try:
                self._admit(turn)
                replies = await turn.answered
                assert turn.line is not None
                await turn.line.start(turn, replies)
            except Dropped as dropped:
                if dropped.busy and turn.first:
                    self._rest.begin(str(dropped))
                if turn.line is not None and not turn.first and left and not self._closed:
                    continue
                raise NotSent(f"mail server {self._server} {dropped}", remedy=CHECK) from None
            except DeliveryError as error:
                self._share(error, turn)
                if turn.line is not None:
                    self._free(turn.line)
                raise
            except BaseException:  # cancelled too: no turn may keep its place in the order
                self._forget(turn)
                raise
            return await self._finish(turn.line, turn, mark)
        raise AssertionError("unreachable")

    async def _finish(self, line: Line, turn: Turn, mark: Mark) -> str:
        """Write the mail, have it marked, and only then write the dot."""
        try:
            await line.write(turn.data)
            await mark()
            if line.dialogue.lost is not None:
                raise line.dialogue.lost
        except Dropped as dropped:
            raise NotSent(f"mail server {self._server} {dropped} before the end of the mail") from None
        except BaseException:  # a refused mark or the end of the daemon: no dot may follow
            line.dialogue.lose("is no longer wanted")  # which takes everything back
            raise
        follower = self._follower(line)
        answered = line.finish(follower)
        if follower is None:
            self._ending[line] = None
        try:
            reply = (await answered)[0]
            if reply.code == 421:
                self._rest.begin(f"said {wire.shown(self._server, reply)}")
            words = line.ended(reply)
        except Dropped as dropped:
            raise Unknown(
                f"mail server {self._server} {dropped} after the end of the mail: it may have been accepted"
            ) from None
        except DeliveryError as error:
            self._share(error)
            raise
        except BaseException:  # cancelled while the answer is awaited: it would be read as that of the next mail
            line.dialogue.lose("is no longer wanted")
            raise
        finally:
            if line in self._ending:
                del self._ending[line]
                self._free(line)
        self._rest.note_taken()
        return words

    async def greet(self) -> None:
        """Open a line and leave it. Raises NotSent (nobody answers) or ChannelDown (refused)."""
        try:
            line = await opened(self._server, self._timeouts, self._tls, self._hello, lambda _: None)
        except Dropped as dropped:
            raise NotSent(f"mail server {self._server} {dropped}", remedy=CHECK) from None
        await line.leave()

    async def close(self) -> None:
        """Say good-bye on idle lines and cut busy ones; nothing can be delivered any more."""
        self._closed = True
        self._fail_waiting(lambda: NotSent(f"mail server {self._server}: the connection was closed before the mail"))
        for line in self._idle:
            self._run(line.leave())
        idle = set(self._idle)
        for line in [line for line in self._lines.values() if line not in idle]:
            line.dialogue.lose("was closed")
            self._run(line.dialogue.ended())
        for task in self._openings:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _admit(self, turn: Turn) -> None:
        """Find a line for a turn, or let it wait. Raises NotSent while the server is left alone, Refused."""
        if self._closed:
            raise NotSent(f"mail server {self._server}: the connection was closed before the mail")
        while self._idle:
            line = self._idle.pop()
            if self._is_worn(line):
                self._run(line.leave())
                continue
            if not self._give(line, turn):
                self._idle.append(line)
            return
        may_open = not self._rest.left
        if may_open and len(self._lines) + len(self._openings) < self._limits.connections:
            self._waiting.append(turn)
            self._open()
        elif (ending := self._last_one_ending()) is not None:
            del self._ending[ending]
            if not self._give(ending, turn):
                self._ending[ending] = None
        elif not may_open and not self._lines and not self._openings:
            raise self._resting()
        else:
            self._waiting.append(turn)

    def _last_one_ending(self) -> Line | None:
        line = next(iter(self._ending), None)
        return line if line is not None and line.pipelining and not self._is_worn(line) else None

    def _resting(self) -> NotSent:
        return NotSent(f"mail server {self._server} is left alone: it {self._rest.why}", retry_at=self._rest.over_at)

    def _is_worn(self, line: Line) -> bool:
        age = asyncio.get_running_loop().time() - line.since
        # A line that was opened for somebody serves him, whatever its age.
        return line.begun >= self._limits.messages or (line.begun > 0 and age > self._limits.age)

    def _give(self, line: Line, turn: Turn) -> bool:
        """Let a turn begin on a line; False when the server cannot take its mail, which the turn is told."""
        try:
            line.accept(turn)
        except Refused as error:
            turn.answered.set_exception(error)
            return False
        line.begin(turn)
        return True

    def _follower(self, line: Line) -> Turn | None:
        """Return who may speak right behind the final dot of the mail on this line."""
        if not line.pipelining or self._is_worn(line):
            return None
        while (turn := self._next()) is not None:
            try:
                line.accept(turn)
            except Refused as error:
                turn.answered.set_exception(error)
                continue
            return turn
        return None

    def _next(self) -> Turn | None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.answered.done():
                return turn
        return None

    def _free(self, line: Line) -> None:
        """Let whoever waits begin on a line that has nothing more to do."""
        if line.dialogue.lost is not None or self._closed:
            return
        if self._is_worn(line):
            self._run(line.leave())
            return
        while (turn := self._next()) is not None:
            if self._give(line, turn):
                return
        self._idle.append(line)

    def _open(self) -> None:
        task = self._run(self._opened())
        self._openings.add(task)
        task.add_done_callback(self._openings.discard)

    async def _opened(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            line = await opened(self._server, self._timeouts, self._tls, self._hello, self._lost)
            if line.dialogue.lost is not None:
                raise line.dialogue.lost
        except Dropped as dropped:
            self._openings.discard(task)
            if dropped.busy:
                self._rest.begin(str(dropped))
            if not self._lines and not self._openings:
                words = str(dropped)
                self._fail_waiting(lambda: NotSent(f"mail server {self._server} {words}", remedy=CHECK))
        except DeliveryError as error:
            self._openings.discard(task)
            self._share(error)
        except Exception as error:  # nobody foresaw it: whoever waits is told, and nobody waits for ever
            self._openings.discard(task)
            failed = error
            self._fail_waiting(lambda: failed)
        else:
            self._openings.discard(task)
            self._lines[line.dialogue] = line
            self._free(line)

    def _share(self, error: DeliveryError, turn: Turn | None = None) -> None:
        """Tell everybody who waits that the channel, or their sender, is at fault: nobody else is refused for it."""
        if isinstance(error, wire.SenderRefused):
            for other in self._waiting:
                if turn is not None and other.mail.sender == turn.mail.sender and not other.answered.done():
                    other.answered.set_exception(wire.SenderRefused(error.message, remedy=error.remedy))
        elif isinstance(error, ChannelDown) and not isinstance(error, OurFault):
            self._fail_waiting(lambda: ChannelDown(error.message, remedy=error.remedy))

    def _fail_waiting(self, error: Callable[[], Exception]) -> None:
        while (turn := self._next()) is not None:
            turn.answered.set_exception(error())

    def _forget(self, turn: Turn) -> None:
        """Take back a turn that nobody waits for any more."""
        if turn.line is not None:
            turn.line.dialogue.give_up(turn.answered)
            if not turn.line.pipelining:
                turn.line.dialogue.lose("is no longer wanted")

    def _lost(self, dialogue: Dialogue) -> None:
        """Forget a line that is dead, and open another for those who wait."""
        line = self._lines.pop(dialogue, None)
        if line is None:
            return
        self._ending.pop(line, None)
        if line in self._idle:
            self._idle.remove(line)
        waiting = sum(not turn.answered.done() for turn in self._waiting)
        if self._closed or not waiting:
            return
        if self._rest.left and not self._lines and not self._openings:
            self._fail_waiting(self._resting)
        room = self._limits.connections - len(self._lines) - len(self._openings)
        for _ in range(min(room, waiting - len(self._openings)) if not self._rest.left else 0):
            self._open()

    def _run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
