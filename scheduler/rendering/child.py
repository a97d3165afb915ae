"""The renderer's own process: reads jobs, answers, is killed when it misbehaves; it opens no socket, writes no file.

The daemon's socket is its standard input. It counts in shared memory which job it is at, so that after its death the
daemon knows which one that was. It ends when the daemon does, since the socket is closed then.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import css_inline  # noqa: F401 - what a message could need is loaded before the first one comes

from campaigns.definition import Touch
from campaigns.errors import RenderError
from campaigns.loader import restore
from campaigns.rendering import Content, Renderer
from campaigns.rendering import check as _check  # noqa: F401
from campaigns.rendering import folds as _folds  # noqa: F401
from campaigns.rendering import mail as _mail  # noqa: F401
from scheduler.errors import FAULTS
from scheduler.rendering import limits, wire
from scheduler.rendering.base import OutOfMemory, Person, attempt, missing
from scheduler.rendering.shapes import Finisher, Ready

_BUILDING = 5.0  # seconds of processor time to restore a campaign and to compile its templates
_KEPT_BACK = 0.05  # seconds of processor time that answers wait for others at most
_TOGETHER = 1 << 18  # characters of answers that are sent together


class _Revision:
    """A campaign in force as it was sent; restored when its first message comes."""

    def __init__(
        self, definition: Mapping[str, Any], templates: Mapping[str, str], told: Callable[[str, str], None]
    ) -> None:
        self._definition = definition
        self._templates = templates
        self._told = told
        self._restored: tuple[Renderer, Mapping[str, Touch]] | None = None

    def restore(self) -> tuple[Renderer, Mapping[str, Touch]]:
        """Return the renderer and the touches by their ids."""
        if self._restored is None:
            limits.allow(_BUILDING)
            campaign = restore(self._definition)
            touches = {touch.id: touch for _, touch in campaign.touches()}
            self._restored = Renderer(campaign, self._templates, told=self._told, keeps_pieces=True), touches
        return self._restored


class _Child:
    """Carries out commands. `count` says that the next job begins; `seconds` is what each may take."""

    def __init__(self, send: Callable[[bytes], object], count: Callable[[], None], seconds: float) -> None:
        self._send = send
        self._count = count
        self._seconds = seconds
        self._revisions: dict[int, _Revision] = {}
        self._finisher = Finisher(lambda head, pieces: send(wire.shape(head, pieces)))

    def obey(self, name: str, number: int, *values: Any) -> None:
        """Carry out one command about the revision of this number."""
        if name == "render":
            self._render(self._revisions[number], *values)
        elif name == "know":
            definition, templates = values
            self._revisions[number] = _Revision(definition, templates, self._unfolded)
        elif name == "forget":
            del self._revisions[number]
        elif name == "prepare":
            with contextlib.suppress(*FAULTS, MemoryError):  # what is wrong is said of each message
                renderer, _ = self._revisions[number].restore()
                limits.allow(_BUILDING)
                renderer.prepare()
        limits.allow(0)

    def _render(
        self,
        revision: _Revision,
        shared: Sequence[Mapping[str, object]],
        jobs: Sequence[list[Any]],
        people: Sequence[bytes | None] = (),
    ) -> None:
        answers: list[Content | RenderError | Ready] = []
        waiting = spent = 0.0
        for touch, facts, finished, person in wire.jobs(shared, jobs, people):
            self._count()
            answer = self._say(revision, touch, facts, person)
            spent += self._seconds - limits.allow(_BUILDING)
            ready = self._finisher.finish(answer) if finished and isinstance(answer, Content) else None
            answers.append(ready or answer)
            waiting += 0 if isinstance(answer, RenderError) else len(answer.text) + len(answer.html or "")
            is_spent = isinstance(answer, OutOfMemory)
            if is_spent or spent > _KEPT_BACK or waiting > _TOGETHER:
                self._answer(answers)
                waiting = spent = 0.0
            if is_spent:
                os._exit(0)  # the memory that is left may not be enough for the next one
        self._answer(answers)

    def _unfolded(self, touch: str, why: str) -> None:
        self._send(wire.command("unfolded", touch, why))

    def _say(
        self, revision: _Revision, touch: str, facts: Mapping[str, object], person: Person | None
    ) -> Content | RenderError:
        try:
            renderer, touches = revision.restore()
        except FAULTS as error:
            return RenderError(f"cannot restore the campaign of {touch!r}: {type(error).__name__}: {error}")
        limits.allow(self._seconds)
        return attempt(renderer, touches[touch], facts, person) if touch in touches else missing(touch)

    def _answer(self, answers: list[Content | RenderError | Ready]) -> None:
        if answers:
            self._send(wire.answers(answers))
            answers.clear()


def main(memory: int, seconds: float, shared: int) -> None:
    """Serve the daemon at the other end of standard input until it hangs up.

    `memory` in bytes and `seconds` of processor time are the limits, `shared` the descriptor of 8 bytes that count
    the jobs begun.
    """
    limits.ignore_signals()
    progress = memoryview(mmap.mmap(shared, 8)).cast("Q")
    os.close(shared)
    daemon = socket.socket(fileno=os.dup(0))
    os.dup2(1, 0)
    os.dup2(1, 2)
    limits.confine(memory)
    gc.freeze()

    def count() -> None:
        progress[0] += 1

    child = _Child(daemon.sendall, count, seconds)
    inbox = wire.Inbox(wire.MAX_FRAME)
    try:
        daemon.sendall(wire.command("ready"))
        while received := daemon.recv(1 << 18):
            for command in inbox.take(received):
                child.obey(*command)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the daemon is gone
