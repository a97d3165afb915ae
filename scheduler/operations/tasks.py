"""What people of the shop have to do: how each task stands, what it says whole, ticking it off and opening it again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from campaigns.definition import ByHand, Touch
from campaigns.errors import TimingError
from campaigns.timeline import way
from campaigns.timing import resolver
from campaigns.timing.model import Span, Unit
from scheduler.catalog import Catalog, InForce
from scheduler.errors import SchedulerError
from scheduler.operations.people import label
from scheduler.store import people, plans
from scheduler.store.database import Connection, Store
from scheduler.store.plans import HandedTask

# How long somebody has before they are told again, where the author does not say: a post has its hour, a call its day.
_FOR_A_POST, _FOR_OTHERS = Span(3, Unit.HOUR), Span(1, Unit.DAY)
_LONGEST_LINK = 2_000
_URL = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}»”’…"


class Standing(StrEnum):
    """How a task stands: to be done, not done in its time, no longer worth doing, or done."""

    OPEN = "open"
    OVERDUE = "overdue"
    TOO_LATE = "too late"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task with the person it is about; moments aware UTC.

    `who` is empty where it is about nobody. `media` are pairs of (file, description) as the campaign names them. From
    `late_at` on it is overdue, after `ends_at` (None: never) too late. `link` is where what was done can be seen, as
    somebody said who ticked it off.
    """

    id: int
    campaign: str
    touch: str
    channel: str
    by_hand: bool
    who: str
    text: str
    media: tuple[tuple[str, str], ...]
    due_at: datetime
    late_at: datetime
    ends_at: datetime | None
    state: Standing
    done_at: datetime | None
    note: str
    link: str

    @property
    def way(self) -> str:
        """What has to be done, in words: `call`, or `instagram, by hand`."""
        return way(self.channel, by_hand=self.by_hand)

    def document(self) -> dict[str, object]:
        """Return the task as JSON has it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Brief:
    """A task with all that is needed to do it.

    `account` is that of the network, `phone` and `email` are the person's; all empty where there is none. `post_as` is
    `story`, `reel`, `post` or empty. `links` stand in the text. `below` is what a comment or a further post of a thread
    hangs on, `below_link` where that can be seen, as far as somebody said; `follows` are the tasks that hang on this
    one.
    """

    task: TaskLine
    subject: str
    account: str
    post_as: str
    phone: str
    email: str
    links: tuple[str, ...]
    below: str
    below_link: str
    follows: tuple[TaskLine, ...]


def lines(store: Store, *, now: datetime, everything: bool = False) -> list[TaskLine]:
    """Return the open tasks as of `now`, the longest due first; or all there are."""
    with store.read() as conn:
        return lines_of(conn, now=now, everything=everything)


def lines_of(
    conn: Connection, *, now: datetime, everything: bool = False, catalog: Catalog | None = None, named: bool = True
) -> list[TaskLine]:
    """Return what `lines` does, within a transaction.

    A `catalog` that is kept spares reading the campaigns again. Not `named`, `who` is but a number.
    """
    rows = plans.handed_tasks(conn, everything=everything)
    reader = _Reader(conn, now, catalog, named=named)
    return [reader.line(row) for row in rows]


def brief(store: Store, task: int, *, now: datetime) -> Brief | None:
    """Return all that is needed to do a task; None where there is no such task."""
    with store.read() as conn:
        row = plans.handed_task(conn, task)
        return None if row is None else _Reader(conn, now).brief(row)


def details(brief: Brief) -> tuple[str, ...]:
    """Return, a line each, what a task needs beside its text: subject, account, files, what it hangs on."""
    form = f" as a {brief.post_as}" if brief.post_as else ""
    where = f"{brief.task.channel}{f' @{brief.account}' if brief.account else ''}{form}"
    files = (f"file: {file}{f' ({alt})' if alt else ''}" for file, alt in brief.task.media)
    below = " ".join(part for part in (brief.below, brief.below_link) if part)
    lines = (
        f"on: {where}",
        f"subject: {brief.subject}" if brief.subject else "",
        *files,
        f"below: {below}" if below else "",
        f"to: {brief.email}" if brief.email and brief.task.channel == "email" else "",
    )
    return tuple(line for line in lines if line)


def finish(store: Store, task: int, *, now: datetime, note: str = "", link: str = "", who: str) -> bool:
    """Tick a task off; return whether it was open. `link` is where what was done can be seen, and is kept with it."""
    with store.begin() as conn:
        kept = "\n".join(part for part in (link, note) if part)
        done = plans.finish_task(conn, task, now=now, note=kept)
        if done:
            plans.audit(conn, at=now, who=who, action="task done", subject=str(task), detail=" ".join(kept.split()))
        return done


def reopen(store: Store, task: int, *, now: datetime, who: str) -> bool:
    """Let a task be open again; return False where it is not done, or its person is gone."""
    with store.begin() as conn:
        opened = plans.reopen_task(conn, task)
        if opened:
            plans.audit(conn, at=now, who=who, action=plans.REOPENED, subject=str(task))
        return opened


def checked_link(text: str) -> str:
    """Return an address on the web as it is kept with a task. Raises: SchedulerError for what is none."""
    if text and (not is_link(text) or len(text) > _LONGEST_LINK):
        raise SchedulerError(
            f"cannot read the link {text[:60]!r}: expected https://…", remedy="copy it from the address bar"
        )
    return text


def is_link(text: str) -> bool:
    """Whether a text is one address on the web and nothing else."""
    return text.isprintable() and _URL.fullmatch(text) is not None


class _Reader:
    """Reads tasks with the campaigns they come from, each of these once."""

    def __init__(self, conn: Connection, now: datetime, catalog: Catalog | None = None, *, named: bool = True) -> None:
        self._conn = conn
        self._named = named
        self._now = now
        self._catalog = catalog or Catalog()
        self._names = plans.touch_names(conn)
        self._applied = plans.applied(conn)

    def line(self, row: HandedTask) -> TaskLine:
        found = self._touch(row)
        touch = found[1] if found is not None else None
        late_at = self._late_at(row, found)
        ends_at = row.expires_at if row.on_late == "skip" else None
        first, _, rest = row.note.partition("\n")
        link = first if is_link(first) else ""
        return TaskLine(
            id=row.id,
            campaign=row.campaign,
            touch=self._names.of(row.campaign, row.touch),
            channel=row.channel,
            by_hand=touch is not None and touch.is_by_hand,
            who=self._who(row.contact),
            text=row.text,
            media=() if touch is None else tuple((item.file, item.alt) for item in touch.media),
            due_at=row.due_at,
            late_at=late_at,
            ends_at=ends_at,
            state=self._standing(row, late_at, ends_at),
            done_at=row.done_at,
            note=rest if link else row.note,
            link=link,
        )

    def brief(self, row: HandedTask) -> Brief:
        line, found = self.line(row), self._touch(row)
        touch = found[1] if found is not None else None
        person = people.contact(self._conn, row.contact) if row.contact is not None else None
        others = [one for one in plans.handed_tasks(self._conn, everything=True) if self._is_of_the_same(one, row)]
        above = None if touch is None else touch.hangs_on
        parent = next((self.line(one) for one in others if one.touch == above), None)
        below = "" if above is None else self._names.of(row.campaign, above)
        return Brief(
            task=line,
            subject=row.subject,
            account="" if person is not None or not row.recipient.startswith("@") else row.recipient[1:],
            post_as="" if touch is None else touch.post_as or "",
            phone="" if person is None else person.phone or "",
            email="" if person is None else person.email or "",
            links=tuple(dict.fromkeys(one.rstrip(_TRAILING) for one in _URL.findall(row.text))),
            below=below,
            below_link="" if parent is None else parent.link,
            follows=tuple(self.line(one) for one in others if self._above(one) == row.touch),
        )

    def _who(self, contact: int | None) -> str:
        if contact is None:
            return ""
        return label(self._conn, contact) if self._named else f"#{contact}"

    def _is_of_the_same(self, one: HandedTask, row: HandedTask) -> bool:
        same = (one.campaign, one.edition, one.recipient) == (row.campaign, row.edition, row.recipient)
        return same and one.id != row.id

    def _above(self, row: HandedTask) -> str | None:
        found = self._touch(row)
        return None if found is None else found[1].hangs_on

    def _touch(self, row: HandedTask) -> tuple[InForce, Touch] | None:
        """Return the touch as it was when the task came about: what it says and shows does not change with an edit."""
        revision = row.revision or self._revision(row)
        campaign = self._catalog.readable(self._conn, row.campaign, row.edition, revision)
        found = campaign.find(row.touch) if campaign is not None else None
        return None if campaign is None or found is None else (campaign, found[1])

    def _revision(self, row: HandedTask) -> int | None:
        of_edition = self._applied.get((row.campaign, row.edition), [])
        before = [number for number, applied_at in of_edition if applied_at <= row.handed_at]
        return before[-1] if before else None

    def _late_at(self, row: HandedTask, found: tuple[InForce, Touch] | None) -> datetime:
        """Return when somebody is told again; a task that came late has its whole time all the same."""
        campaign, touch = found if found is not None else (None, None)
        span = _FOR_A_POST if touch is not None and touch.is_by_hand else _FOR_OTHERS
        if touch is not None and isinstance(touch.by_hand, ByHand) and touch.by_hand.within is not None:
            span = touch.by_hand.within
        zone, country = ("UTC", None) if campaign is None else (campaign.campaign.zone, campaign.campaign.country)
        began = max(row.due_at, row.handed_at)
        try:
            return resolver.add_span(began, span, zone, country=country).astimezone(UTC)
        except TimingError:  # centuries from now
            return datetime.max.replace(tzinfo=UTC)

    def _standing(self, row: HandedTask, late_at: datetime, ends_at: datetime | None) -> Standing:
        if row.done_at is not None:
            return Standing.DONE
        if ends_at is not None and ends_at < self._now:
            return Standing.TOO_LATE
        return Standing.OVERDUE if late_at <= self._now else Standing.OPEN
