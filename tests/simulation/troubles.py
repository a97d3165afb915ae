"""What goes wrong in a simulation: crashes, full disks, wrong clocks, restored copies."""

from __future__ import annotations

import sqlite3
from copy import deepcopy
from datetime import timedelta

from simulation.decisions import Decisions
from simulation.invariants import Witness
from simulation.loop import LoopClock, VirtualLoop
from simulation.machine import Disk, SimStore
from simulation.options import HOUR
from simulation.process import KeptCatalog, Process
from simulation.shapes import Edit

from scheduler.operations import holding
from scheduler.simulation import Chance


class Troubles:
    """Each `_..._now` is one trouble, or the end of one."""

    loop: VirtualLoop
    clock: LoopClock
    chance: Chance
    witness: Witness
    decisions: Decisions
    disk: Disk
    store: SimStore
    catalog: KeptCatalog
    edit: Edit
    lanes: int
    daemons: list[Process]
    _done: list[tuple[str, tuple[object, ...]]] | None
    _decided: Decisions
    _edit_then: Edit
    _copy: sqlite3.Connection | None

    def _do(self, name: str, details: tuple[object, ...]) -> None:
        raise NotImplementedError

    def _died(self, process: Process) -> None:
        raise NotImplementedError

    def _takeover_now(self) -> None:
        """Daemons that share a database take over from those that were not heard from."""
        for process in self.daemons:
            if not process.dead and process.stalled is None:
                process.before_recovery()
                process.recover()

    def _crash_now(self) -> None:
        self.chance.pick(self.daemons).fuse = self.chance.pick((0, 1, 2, 3, 5, 8, 13, 21, 34))
        if self.disk.shared:
            self.loop.call_later(100.0, self._do, "takeover", ())

    def _busy_now(self) -> None:
        self.disk.busy = self.chance.pick((1, 3, 40))

    def _full_now(self) -> None:
        self.disk.full = True
        self.loop.call_later(self.chance.pick((1.0, 90.0, 1800.0)), self._free)

    def _free(self) -> None:
        self.disk.full = False

    def _back_now(self) -> None:
        self.clock.step(-timedelta(seconds=self.chance.pick((5.0, 600.0, HOUR, 5 * HOUR))))

    def _forward_now(self) -> None:
        self.clock.step(timedelta(seconds=self.chance.pick((5.0, 600.0, HOUR, 5 * HOUR))))

    def _leap_now(self, days: int) -> None:
        self.clock.leap(timedelta(days=days))
        if not days:
            self.loop.call_later(60.0, self._do, "lift", ())

    def _lift_now(self) -> None:
        """A person has looked why nothing goes, and says that it may."""
        if not self.clock.is_wrong and holding.held(self.store) is not None:
            choice = self.chance.pick((None, holding.Late.SEND, holding.Late.SKIP))
            self.decisions.answered = True
            holding.resume(self.store, self.catalog, now=self.clock.now(), who="me", choice=choice)

    def _copy_now(self) -> None:
        self._copy = sqlite3.connect(":memory:")
        self.disk.raw.backup(self._copy)
        self._done, self._decided, self._edit_then = [], deepcopy(self.decisions), self.edit

    def _restore_now(self) -> None:
        """The machine stops, an old copy of the database is put back, and later people tell again what it forgot."""
        if self._copy is None:
            return
        for process in self.daemons:
            if not process.dead:
                process.dead = True
                self._died(process)
        self._copy.backup(self.disk.raw)
        self.witness.forget()
        vars(self.decisions).update(vars(self._decided))
        self.edit = self._edit_then
        self.catalog = KeptCatalog()
        told, self._done, self._copy = self._done or [], None, None
        for number, (name, details) in enumerate(told):
            # What people did is told before the HOLD is lifted; a file is applied to a database that may go on.
            self.loop.call_later((8 if name == "edit" else 6) * HOUR + number, self._do, name, details)
        self.loop.call_later(7 * HOUR, self._do, "lift", ())

    def _suspend_now(self) -> None:
        self.clock.suspend(self.chance.pick((60.0, HOUR, 8 * HOUR)))

    def _stall_now(self) -> None:
        process = self.chance.pick(self.daemons)
        if process.stalled is not None or process.dead:
            return
        process.stalled = self.loop.create_future()
        seconds = self.chance.pick((30.0, 150.0, 1200.0, 3 * HOUR))
        self.loop.call_later(seconds, process.resume)
        if self.disk.shared and seconds > 100:
            self.witness.uncertain += self.lanes
            self.loop.call_later(100.0, self._do, "takeover", ())
