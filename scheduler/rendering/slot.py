"""One renderer process and its successors: what it is told, whether it lives, and which message it died at."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from campaigns.errors import RenderError
from scheduler.errors import SchedulerError
from scheduler.rendering import wire
from scheduler.rendering.base import Crashed, OutOfMemory, Revision
from scheduler.rendering.process import Process
from scheduler.rendering.work import Key, Queue, Task, key_of

_log = logging.getLogger(__name__)

_LOOKS = 4  # looks without a sign of life after which a process is given up
_START = 60.0  # seconds it may take to start
_FAILURES = 3  # deaths in a row that no message explains, before nothing can be rendered here


@dataclass(frozen=True, slots=True)
class Limits:
    """What a renderer may use and how much is given to it at a time; see `PoolRenderer`."""

    memory: int
    seconds: float
    patience: float
    together: int
    kept: int


class Slot:
    """Keeps one process at work on the tasks of a queue; all of it happens on the loop it is attached to.

    `share` says how many tasks it should take, or take ahead of those it has; `refuse` is told when no renderer can be
    started.
    """

    def __init__(
        self, queue: Queue, limits: Limits, share: Callable[[bool], int], refuse: Callable[[SchedulerError], None]
    ) -> None:
        self._queue = queue
        self._limits = limits
        self._share = share
        self._refuse = refuse
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: Process | None = None
        self._is_ready = False
        self._timer: asyncio.TimerHandle | None = None
        self._seen = (0, 0)
        self._unmoved = 0  # looks since it was last seen to get on
        self._preparing: list[Revision] = []
        self._known: OrderedDict[Key, int] = OrderedDict()
        self._told = 0
        self._given: deque[Task] = deque()  # to the process, and not answered
        self._answered = 0
        self._suspect: Task | None = None  # to be tried again, alone
        self._is_alone = False
        self._verdict = ""  # why the process is being ended
        self._failures = 0  # deaths in a row that no message explains

    @property
    def pid(self) -> int | None:
        """The number of the process, None while there is none."""
        return None if self._process is None else self._process.pid

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on this loop from now on."""
        self._detach()
        self._loop = loop
        if self._process is not None:
            loop.add_reader(self._process.socket, self._read)
            loop.add_writer(self._process.socket, self._write)
            self._watch()

    def prepare(self, campaign: Revision) -> None:
        """Have the templates of a revision compiled."""
        self._preparing.append(campaign)
        self.feed()

    def feed(self) -> None:
        """Give the process what it may have, starting one when there is something to do."""
        if self._suspect is not None and not self._suspect.is_wanted:
            self._suspect = None
        if self._process is None and (self._suspect is not None or self._preparing or len(self._queue)):
            self._start()
        if self._process is None or not self._is_ready or self._verdict:
            return
        while self._preparing:
            self._prepare(self._preparing.pop())
        while not self._is_alone and len(self._given) < self._limits.together:
            if self._suspect is not None:
                if self._given:
                    break
                tasks, self._suspect, self._is_alone = [self._suspect], None, True
            else:
                tasks = self._queue.take(min(self._share(bool(self._given)), self._limits.together))
                if not tasks:
                    break
            number = self._know(tasks[0].job.campaign)
            self._given += tasks
            jobs, people = [(task.text, task.shared) for task in tasks], [task.stored for task in tasks]
            self._send(wire.order(number, jobs, people))
        self._watch()

    def stop(self) -> list[Task]:
        """End the process; return the tasks that it had, the suspect among them."""
        self._detach()
        if self._process is not None:
            self._process.end()
            self._process = None
        tasks = [*self._given, *([self._suspect] if self._suspect is not None else [])]
        self._given.clear()
        self._preparing.clear()
        self._suspect = None
        return tasks

    def _start(self) -> None:
        assert self._loop is not None
        try:
            self._process = Process(memory=self._limits.memory, seconds=self._limits.seconds)
        except OSError as error:
            self._refuse(_no_start(error.strerror or str(error)))
            return
        self._is_ready = self._is_alone = False
        self._verdict = ""
        self._told = self._answered = self._unmoved = 0
        self._known.clear()
        self._loop.add_reader(self._process.socket, self._read)
        self._watch()

    def _detach(self) -> None:
        self._unwatch()
        if self._process is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._process.socket)
            self._loop.remove_writer(self._process.socket)

    # What is said.

    def _prepare(self, campaign: Revision) -> None:
        if key_of(campaign) not in self._known:
            self._send(wire.command("prepare", self._know(campaign)))

    def _know(self, campaign: Revision) -> int:
        """Return the number under which the process knows a revision, having told it what it does not know."""
        key = key_of(campaign)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if len(self._known) == self._limits.kept:
            _, forgotten = self._known.popitem(last=False)
            self._send(wire.command("forget", forgotten))
        self._told += 1
        self._known[key] = self._told
        self._send(wire.command("know", self._told, campaign.definition, dict(campaign.templates)))
        return self._told

    def _send(self, frame: bytes) -> None:
        assert self._process is not None
        assert self._loop is not None
        try:
            if self._process.send(frame):
                self._loop.add_writer(self._process.socket, self._write)
        except OSError:
            pass  # it is dead, which reading tells as well

    def _write(self) -> None:
        assert self._process is not None
        assert self._loop is not None
        try:
            waits = self._process.flush()
        except OSError:
            waits = False
        if not waits:
            self._loop.remove_writer(self._process.socket)

    # What is heard.

    def _read(self) -> None:
        assert self._process is not None
        try:
            for value in self._process.receive():
                if not self._verdict:
                    self._hear(value)
        except wire.BrokenFrameError as error:
            self._end(f"it said what it should not: {error}")
        except (EOFError, OSError):
            self._bury()
        else:
            self.feed()

    def _hear(self, value: object) -> None:
        if value == ["ready"]:
            self._is_ready = True
            self._unwatch()
            return
        match value:
            case ["unfolded", str(touch), str(why)]:
                _log.debug("the mails of %r are all written in the sandbox: %s", touch[:200], why[:500])
                return
        if not isinstance(value, wire.Answers) or len(value.said) > len(self._given):
            raise wire.BrokenFrameError("expected the answers that were asked for")
        for answer in value.said:
            if isinstance(answer, OutOfMemory) and not self._given[0].struck:
                self._end("its memory was used up")
                return
            task = self._given.popleft()
            self._answered += 1
            task.answer(self._exceeded(task, answer) if isinstance(answer, OutOfMemory) else answer)
        self._failures = 0
        self._is_alone = self._is_alone and bool(self._given)

    def _exceeded(self, task: Task, answer: OutOfMemory) -> RenderError:
        self._end("its memory was used up")
        most = self._limits.memory >> 20
        message = f"the template of {task.job.touch!r} needs more than {most} MiB of memory"
        return RenderError(message, place=answer.place or task.place, remedy=answer.remedy)

    # Whether it lives.

    def _watch(self) -> None:
        """Look at the process from time to time, as long as something is expected of it."""
        if self._timer is None and self._process is not None and (self._given or not self._is_ready):
            assert self._loop is not None
            wait = self._limits.patience if self._is_ready else _START
            self._timer = self._loop.call_later(wait / _LOOKS, self._look)

    def _unwatch(self) -> None:
        self._unmoved = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Count how often it has not got on; looks, not seconds: a daemon that slept does not blame the renderer."""
        assert self._process is not None
        self._timer = None
        seen = (self._process.begun, self._answered)
        self._unmoved = self._unmoved + 1 if seen == self._seen and (self._given or not self._is_ready) else 0
        self._seen = seen
        if self._unmoved >= _LOOKS:
            self._end(f"it gave no sign of life for {self._limits.patience if self._is_ready else _START:g} s")
        self._watch()

    def _end(self, why: str) -> None:
        """Kill the process; what it was doing is seen to when it is gone."""
        assert self._process is not None
        if not self._verdict:
            self._verdict = why
            self._process.kill()

    def _bury(self) -> None:
        """Find out which message the process died at, and leave the others to its successor."""
        assert self._process is not None
        assert self._loop is not None
        self._detach()
        at = self._process.begun - self._answered - 1
        code, said = self._process.end()
        how = self._verdict or _how(code)
        self._process = None
        tasks = list(self._given)
        self._given.clear()
        if 0 <= at < len(tasks):
            self._judge(tasks.pop(at), code, how)
        else:
            self._failures += 1
        self._queue.put_back(tasks)
        if self._failures >= _FAILURES:
            self._failures = 0
            self._refuse(_no_start(said.splitlines()[-1] if said and not self._is_ready else how))
        elif at >= 0 or tasks:
            self._start()  # at once, so that the next message does not wait for it
        else:
            self.feed()

    def _judge(self, task: Task, code: int, how: str) -> None:
        """Give up the message that a process died at, or have it tried once more."""
        touch = task.job.touch
        if code == -signal.SIGPROF:
            message = f"the template of {touch!r} needs more than {self._limits.seconds:g} s of processor time"
            task.answer(RenderError(message, place=task.place))
        elif task.struck:
            task.answer(Crashed(f"the renderer died twice at {touch!r}: {how}", place=task.place))
        else:
            task.struck = True
            self._suspect = task


def _how(code: int) -> str:
    return f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with code {code}"


def _no_start(why: str) -> SchedulerError:
    return SchedulerError(f"cannot start the renderer: {why}", remedy="see `campaign doctor`, or install anew")
