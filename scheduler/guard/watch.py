"""The guard of a live database: what it checks at the start, every second, and what it leaves behind."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from scheduler.catalog import Catalog
from scheduler.clock import Clock
from scheduler.errors import BusyError, StorageError
from scheduler.guard import clocks, state, wording
from scheduler.guard.clocks import Reading
from scheduler.guard.marks import Mark, MarkFile
from scheduler.guard.replay import bring_in
from scheduler.operations import holding, watching
from scheduler.store import integrity, journal, lateness, ledger, meta, numbers, wal
from scheduler.store.database import Connection, Store
from scheduler.store.journal import Journal
from scheduler.store.meta import Cause, Hold

_SECOND = 1.0
_MINUTE = timedelta(minutes=1)
# The mark is at most a second older than the last attempt; a writer that was busy may have let it wait a little.
_UNMARKED = timedelta(minutes=1)
# A file up to this size is read through before anything is sent (0.4 s); a larger one meanwhile.
_READ_AT_ONCE = 64 << 20
# What may lack rows that another copy has: their numbers may stand in mails that went from there.
_COPIES = frozenset({Cause.MOVED, Cause.RESTORED})
# SQLite cannot begin its log anew while somebody still reads from it; one this large has had a reader for very long.
_LARGEST_LOG = 64 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """What the start found: the HOLD, messages in flight when the last daemon ended, outcomes the journal had kept."""

    hold: Hold | None
    recovered: int
    replayed: int


class LedgerGuard:
    """Keeps one daemon from sending on a database that is not the one it was, or under a clock that is wrong.

    `folder` is the state folder; each database has one of its own in it. `machine` is empty where nobody can tell
    machines apart, and without meaning on PostgreSQL: a server belongs to no machine of ours. Every method runs on the
    writer thread, so that nothing is claimed between a look and its HOLD.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        folder: Path,
        machine: str,
        database_clock: Callable[[Connection], datetime | None] = meta.database_clock,
    ) -> None:
        self._store = store
        self._clock = clock
        self._folder = folder
        self._machine = machine
        self._database_clock = database_clock
        self._catalog = Catalog()
        self._journal: Journal | None = None
        self._instance = ""
        self._started: Started | None = None
        self._stopped = False
        self._faults: list[str] | None = None
        self._mark: Mark | None = None
        self._unmarked: StorageError | None = None  # why the mark could not be written last
        self._newest = self._attempts = 0
        self._doubted: Reading | None = None  # the last look that was believed, while the wall clock is not
        self._skewed = self._swollen = self._was_ahead = False
        self._told: set[str] = set()  # passing troubles that were told and are not over
        self._busy = False  # whether attempts were found at the last look
        now = Reading(clock.now(), clock.monotonic())
        self._reading, self._highest = now, now.wall
        self._looked, self._noted = now.monotonic, now.wall
        self._file = integrity.identity(store.path) if store.path is not None else None

    @property
    def journal(self) -> Journal:
        """The outcome journal of this daemon; made on first use."""
        if self._journal is None:
            self._journal = journal.take(self._journals())
        return self._journal

    # --- the start ----------------------------------------------------------------------------------------------------

    def start(self) -> Started:
        """Look before anything is claimed; a second call returns what the first one found.

        The order is that of the facts: is the file sound, what does the journal know, is anything missing, who was
        here last; then only what was in flight is given up as unknown.
        Raises: SchedulerError when the schema is not this release's, the server forgets what it acknowledged, or the
        database or the state folder cannot be written.
        """
        if self._started is None:
            self._store.require_current()
            with self._store.read() as conn:
                integrity.refuse_forgetful(conn)
            if self._damaged_at_start():
                self._started = Started(holding.held(self._store), 0, 0)
            else:
                replayed = self._replay() + self._replay_left()
                self._compare()
                self._look_around()
                recovered = watching.recover(self._store, watching.Hearing(self._clock), now=self._clock.now())
                self._turn_back()
                self._keep(self._clock.now(), certainly=True)
                self._started = Started(holding.held(self._store), recovered, replayed)
        return self._started

    def _damaged_at_start(self) -> bool:
        path = self._store.path
        if path is not None and path.stat().st_size > _READ_AT_ONCE:
            threading.Thread(target=self._read_through, name="quick_check", daemon=True).start()
        else:
            self._read_through()
        return self._tell_faults()

    def _read_through(self) -> None:
        self._faults = integrity.faults(self._store)

    def _tell_faults(self) -> bool:
        """Hold a damaged file; return whether it is one, as far as it was read."""
        if not self._faults:
            return False
        faults, self._faults = self._faults, None
        try:
            self._hold(Cause.DAMAGED, wording.damaged(faults), {"faults": faults, "remedy": integrity.RESTORE})
        except StorageError:
            raise StorageError(wording.damaged(faults), remedy=integrity.RESTORE) from None
        return True

    def _replay(self) -> int:
        return bring_in(self._store, self._catalog, self.journal)

    def _replay_left(self) -> int:
        """Read also what daemons have left that shared the folder and did not come back."""
        return sum(bring_in(self._store, self._catalog, one) for one in journal.left(self._journals()))

    def _compare(self) -> None:
        """Hold the database when it is behind its mark, or SQLite does not see all of its log."""
        self._mark = self._marks().read()
        lost = integrity.lost_in_log(self._store)
        with self._store.read() as conn:
            self._newest, self._attempts = lateness.counted(conn)
            ran = meta.ran(conn)
        # Not the daemons' heartbeats: they are written under whatever clock there is, these under one that is believed.
        seen = [ran.at] if ran is not None else []
        seen += [self._mark.wall] if self._mark is not None else []
        self._highest = max(seen, default=self._clock.now())  # until this start is over, the last moment believed
        if lost:
            until = self._mark.wall + _UNMARKED if self._mark is not None else self._clock.now()
            self._hold(Cause.RESTORED, wording.unseen(lost), {"until": until.isoformat()})
        self._check_mark()

    def _look_around(self) -> None:
        """Hold a copy of what was at work elsewhere before, and much that would go late after a long absence."""
        now = self._clock.now()
        self._look_for_another(now)
        believed = Reading(self._highest, self._clock.monotonic())
        self._ask_when_late(now - believed.wall)
        # A clock that was set wrong while nobody looked cannot be told from a long absence: a person decides.
        doubtful = clocks.is_wrong(clocks.step(believed.wall, believed, self._reading))
        if doubtful and holding.held(self._store) is not None:
            self._doubted = believed
        else:
            self._highest = max(believed.wall, now)
        self._compare_clocks()

    def _look_for_another(self, now: datetime) -> None:
        """Hold a copy of a database that is perhaps still at work where it was."""
        with self._store.read() as conn:
            ran, place = meta.ran(conn), self._place(conn)
        if ran is not None and integrity.is_elsewhere(ran.machine, place):
            reason = wording.moved if self._store.dialect == "sqlite" else wording.copied
            self._hold(Cause.MOVED, reason(ran.at), {"until": now.isoformat(), "before": ran.machine, "now": place})

    def _place(self, conn: Connection) -> str:
        return integrity.place(conn) or self._machine

    # --- every second -------------------------------------------------------------------------------------------------

    def beat(self) -> None:
        """Compare the clocks, and once a second the file, the mark and the journal.

        Raises: StorageError when the database file was deleted or replaced, a passing one while the mark cannot be
        written, and whatever kept a HOLD for a wrong clock from the database: nothing may be claimed under it.
        """
        now = Reading(self._clock.now(), self._clock.monotonic())
        self._read_clocks(now)
        try:
            if now.monotonic - self._looked < _SECOND:
                if self._unmarked is not None:
                    raise self._unmarked
                return
            self._looked = now.monotonic
            self._same_file()
            self._measure_log()
            self._tell_faults()
            self._replay()
            if self._was_ahead:
                self._turn_back()
            self._keep(now.wall)
            self._told.clear()
        except BusyError:
            return  # the next beat is a second away
        except StorageError as error:
            if not error.passing or error is self._unmarked:
                raise
            self._tell(error)

    def began(self) -> None:
        """Bring the mark up before the first messages after a quiet second leave; those after them wait for the beat.

        So a copy of the database from before them is always found out, and a mailing costs one write a second.
        """
        if self._busy or self._started is None:
            return
        try:
            self._check_mark()
        except BusyError:
            return  # the next beat is a second away
        except StorageError as error:
            if not error.passing:
                raise
            self._tell(error)

    def stop(self) -> None:
        """Write the last mark; what cannot be written any more is left as it was a second ago."""
        if self._stopped or self._started is None:
            return
        self._stopped = True
        try:
            self._replay()
            self._keep(self._clock.now(), certainly=True)
        except (BusyError, StorageError) as error:
            _log.warning("%s", error)
        self.journal.close()

    def _tell(self, error: StorageError) -> None:
        """Warn of a trouble that may pass, once until it is over: it is met again every second."""
        if str(error) not in self._told:
            self._told.add(str(error))
            _log.warning("%s", error)

    def _read_clocks(self, now: Reading) -> None:
        if clocks.is_turned_back(clocks.step(self._highest, self._reading, now)):
            self._was_ahead = True
        if self._is_doubted(now):
            self._reading = now
            return
        step = clocks.step(self._highest, self._reading, now)
        if clocks.is_wrong(step):
            # Written first: a doubt without its HOLD would be taken for one that a person has lifted.
            self._hold(Cause.CLOCK, wording.jumped(step.jump), {"jump_seconds": int(step.jump.total_seconds())})
            self._doubted, self._reading = Reading(self._highest, now.monotonic), now
            return
        if clocks.is_asleep(step):
            _log.warning("the clock went on by %s while no time passed: taken for sleep", wording.span(step.jump))
        self._ask_when_late(step.absent)
        self._highest, self._reading = max(self._highest, now.wall), now

    def _is_doubted(self, now: Reading) -> bool:
        """Whether the wall clock is still taken for wrong: it was not set back, and nobody has lifted the HOLD."""
        if self._doubted is None:
            return False
        if clocks.is_wrong(clocks.step(self._doubted.wall, self._doubted, now)):
            if holding.held(self._store) is not None:
                return True
            self._highest = now.wall  # a person said that it is right
            self._reading = now
        self._doubted = None
        return False

    def _turn_back(self) -> None:
        """Let nothing wait for a moment of a clock that was ahead: the journal may have held some of it until now."""
        with self._store.begin() as conn:
            waited = ledger.turn_back(conn, self._clock.now())
        self._was_ahead = False
        if waited:
            _log.warning("%d messages waited by a clock that was ahead: they wait by the right one now", waited)

    def _same_file(self) -> None:
        if self._store.path is None or self._file is None:
            return
        if integrity.identity(self._store.path) != self._file:
            raise StorageError(
                f"another file stands in the place of {self._store.path}",
                remedy="what is sent would be written where nobody finds it: start again on the file that counts",
            )

    def _measure_log(self) -> None:
        """Tell, once, of a log that a reader keeps from being emptied: it fills the disk and slows every read."""
        if self._store.path is None:
            return
        size = wal.log_size(self._store.path)
        if size > _LARGEST_LOG and not self._swollen:
            _log.warning(
                "the write-ahead log of %s has grown to %d MB: somebody has been reading the database for very long",
                self._store.path,
                size >> 20,
            )
        self._swollen = size > _LARGEST_LOG

    def _compare_clocks(self) -> None:
        """Look at the server's clock: told when it differs a little, held when it differs much."""
        with self._store.read() as conn:
            theirs = self._database_clock(conn)
        if theirs is None:
            return
        skew = abs(self._clock.now() - theirs)
        if skew > clocks.SKEW_HELD:
            self._hold(Cause.CLOCK, wording.skewed(skew), {"skew_seconds": int(skew.total_seconds())})
        if skew > clocks.SKEW_TOLD and not self._skewed:
            _log.warning("this machine's clock and the database server's differ by %.0f s", skew.total_seconds())
        self._skewed = skew > clocks.SKEW_TOLD

    def _ask_when_late(self, absent: timedelta) -> None:
        if absent <= clocks.SHORTEST_DOWNTIME:
            return
        with self._store.read() as conn:
            late = sum(one.messages for one in holding.late(conn, self._catalog, now=self._clock.now()))
        if clocks.must_ask(absent, late):
            self._hold(
                Cause.LATE, wording.late(late, absent), {"late": late, "absent_seconds": int(absent.total_seconds())}
            )

    # --- marks --------------------------------------------------------------------------------------------------------

    def _keep(self, wall: datetime, *, certainly: bool = False) -> None:
        """Bring the mark up to what the database holds, and tell the database who is at work, once a minute."""
        certainly = self._check_mark(certainly=certainly)
        if self._doubted is not None or not (certainly or wall - self._noted >= _MINUTE or wall < self._noted):
            return
        if self._started is not None:
            self._look_for_another(wall)  # a server may be replaced while the daemon waits for it
        with self._store.begin() as conn:
            meta.note_ran(conn, meta.Ran(self._place(conn), wall))
        self._noted = wall
        if self._started is not None:
            self._compare_clocks()

    def _check_mark(self, *, certainly: bool = False) -> bool:
        """Compare database and mark and write the higher one; return `certainly`, for the caller's own note."""
        with self._store.read() as conn:
            newest, more = lateness.counted(conn, self._newest)
            if newest < self._newest:  # it forgot while we looked: count all of it
                newest, self._attempts = lateness.counted(conn)
            facts = meta.facts(conn)
        gap = facts.gap
        self._busy = more > 0
        found = Mark(self._name(), facts.generation, newest, self._attempts + more, self._highest)
        self._newest, self._attempts = newest, self._attempts + more
        mark = self._mark
        if mark is not None and mark.misses(found) and not (gap is not None and gap.until >= mark.wall):
            missing = max(mark.attempts - found.attempts, 0)
            detail = {"missing": missing, "until": (mark.wall + _UNMARKED).isoformat()}
            self._hold(Cause.RESTORED, wording.restored(missing, mark.wall), detail)
            return certainly
        is_news = mark is None or (mark.generation, mark.newest, mark.attempts) != (
            found.generation,
            found.newest,
            found.attempts,
        )
        if certainly or is_news or (mark is not None and found.wall - mark.wall >= _MINUTE):
            try:
                self._marks().write(found)
            except StorageError as error:
                self._unmarked = error
                raise
            self._mark, self._unmarked = found, None
        return certainly

    def _marks(self) -> MarkFile:
        return MarkFile(state.folder(self._folder, self._name()) / state.MARK)

    def _journals(self) -> Path:
        return state.folder(self._folder, self._name()) / state.JOURNAL

    def _name(self) -> str:
        if not self._instance:
            with self._store.begin() as conn:
                self._instance = meta.instance(conn, lambda: secrets.token_hex(16))
        return self._instance

    def _hold(self, cause: Cause, reason: str, detail: dict[str, object]) -> None:
        with self._store.begin() as conn:
            news = meta.set_hold(conn, Hold(reason, self._clock.now(), detail, cause))
            if news and cause in _COPIES:
                numbers.move_on(conn)
        if news and self._started is not None:  # what the start finds is told by whoever started
            _log.error("HOLD: %s; see campaign resume --plan", reason)
