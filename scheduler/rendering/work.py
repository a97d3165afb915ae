"""The jobs that wait for a renderer, and where their answers go; no process here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from campaigns.errors import CampaignError, Place, RenderError
from campaigns.plain import PlainFacts
from campaigns.rendering import Content
from scheduler.errors import SchedulerError
from scheduler.rendering import wire
from scheduler.rendering.base import Job, Revision

_CHARACTERS = 1 << 20  # of jobs that are handed out together


Key = tuple[str, str, int]
"""Campaign, edition and number of a revision."""


class Batch:
    """The jobs of one call; `done` has their answers, in their order, once all are there."""

    def __init__(self, size: int, done: asyncio.Future[list[Content | CampaignError]]) -> None:
        self.done = done
        self._answers: list[Content | CampaignError | None] = [None] * size
        self._left = size

    def answer(self, index: int, answer: Content | CampaignError) -> None:
        """Take the answer of one job."""
        self._answers[index] = answer
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result([answer for answer in self._answers if answer is not None])

    def fail(self, error: SchedulerError) -> None:
        """Give up the whole call."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(slots=True, eq=False)
class Task:
    """One job on its way: as JSON, what it shares, whose it is; `struck` once a renderer died at it."""

    job: Job
    text: bytes
    shared: bytes | None
    batch: Batch
    index: int
    struck: bool = False

    @property
    def stored(self) -> bytes | None:
        """The facts of its person as the ledger has them; None where it is for nobody."""
        return None if self.job.person is None else self.job.person.stored

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return not self.batch.done.done()

    def answer(self, answer: Content | CampaignError) -> None:
        """Hand in the answer."""
        self.batch.answer(self.index, answer)

    @property
    def place(self) -> Place:
        """Where the author finds what is rendered: the template, or the touch in the campaign file."""
        campaign = self.job.campaign.campaign
        found = self.job.campaign.find(self.job.touch)
        if found is None:
            return campaign.place()
        return Place(found[1].template) if found[1].template else campaign.place(*campaign.touch_path(found[1].id))


class _Shared:
    """Writes what messages that follow each other have in common, once."""

    def __init__(self) -> None:
        self._last: list[object] = []
        self._text = b""

    def of(self, facts: Mapping[str, object]) -> bytes | None:
        """Return what `job` left out; None where it left nothing out."""
        if type(facts) is not PlainFacts:
            return None
        last = [facts.get(name) for name in wire.SHARED]
        if not self._text or last != self._last:
            self._last, self._text = last, wire.shared(facts)
        return self._text


class Queue:
    """The jobs that wait: of one call and revision one after the other, calls by turns, so that none waits long."""

    def __init__(self) -> None:
        self._runs: deque[deque[Task]] = deque()

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def put(self, jobs: Sequence[Job], batch: Batch) -> None:
        """Add the jobs of one call; what cannot be sent at all is answered at once."""
        runs: dict[Key, deque[Task]] = {}
        shared = _Shared()
        for index, job in enumerate(jobs):
            try:
                over = None if job.person is None else job.person.over
                text = wire.job(job.touch, job.facts, finished=job.finished, over=over)
            except RenderError as error:
                batch.answer(index, error)
            else:
                task = Task(job, text, shared.of(job.facts), batch, index)
                runs.setdefault(key_of(job.campaign), deque()).append(task)
        self._runs.extend(runs.values())

    def put_back(self, tasks: Sequence[Task]) -> None:
        """Put tasks before all others, in their order."""
        runs = [deque(run) for _, run in groupby(tasks, lambda task: key_of(task.job.campaign))]
        self._runs.extendleft(reversed(runs))

    def take(self, most: int) -> list[Task]:
        """Take up to `most` tasks of one revision; empty when there is nothing to do."""
        while self._runs and most > 0:
            run = self._runs.popleft()
            taken: list[Task] = []
            size = 0
            while run and len(taken) < most and size < _CHARACTERS:
                task = run.popleft()
                if task.is_wanted:
                    taken.append(task)
                    size += len(task.text) + len(task.stored or b"")
            if run:
                self._runs.append(run)
            if taken:
                return taken
        return []

    def clear(self) -> Iterator[Task]:
        """Take out everything."""
        while self._runs:
            yield from self._runs.popleft()


def key_of(campaign: Revision) -> Key:
    """Return what names a revision."""
    return campaign.id, campaign.edition, campaign.revision
