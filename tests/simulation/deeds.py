"""What people do in a simulation: the author, the shop, and those who are written to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from simulation.decisions import Decisions
from simulation.invariants import Witness
from simulation.loop import LoopClock, VirtualLoop
from simulation.machine import SimStore
from simulation.process import KeptCatalog
from simulation.shapes import Edit, Shape, load, person

from scheduler.errors import ConflictError, SchedulerError
from scheduler.operations import applying, happenings, people, privacy, settling, steering
from scheduler.simulation import Chance, World

_ANSWERS = ("unknown event", "nobody is known")  # a shop that hears this does not ask again


class Deeds:
    """Each `_..._now` is one deed; the witness is told of it once the database has acknowledged it."""

    shape: Shape
    start: datetime
    loop: VirtualLoop
    clock: LoopClock
    chance: Chance
    witness: Witness
    decisions: Decisions
    world: World
    store: SimStore
    catalog: KeptCatalog
    edit: Edit
    calm: bool
    _happened_at: dict[str, datetime]

    def _do(self, name: str, details: tuple[object, ...]) -> None:
        raise NotImplementedError

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        """Take a decision back that the database did not acknowledge."""
        kept = {
            name: value.copy() if isinstance(value, set | dict | list) else value
            for name, value in vars(self.decisions).items()
        }
        try:
            yield
        except BaseException:
            vars(self.decisions).update(kept)
            raise

    def _event_now(self, who: str, name: str, key: str, cart: int) -> None:
        now = self.clock.now()
        with self._deciding():
            if key not in {stored for _, _, stored, _, _ in self.decisions.events}:
                self.decisions.events.append((who, name, key, cart, self._happened_at.get(key, now)))
            at = self._happened_at.setdefault(key, now)  # who tells it again says when it was
            try:
                happenings.record_event(
                    self.store, self.catalog, who=who, name=name, at=at, key=key, facts={"cart": cart}, now=now
                )
            except SchedulerError as error:
                answered = isinstance(error, ConflictError) or error.message.startswith(_ANSWERS)
                if not self.calm and not answered:
                    self.loop.call_later(30.0, self._do, "event", (who, name, key, cart))  # the shop tries again
                raise

    def _edit_now(self, how: str) -> None:
        edit = self.edit
        if how == "words":
            edit = replace(edit, words=edit.words + 1)
        elif how == "retime":
            edit = replace(edit, retimed=not edit.retimed)
        elif how == "remove" and self.shape.removable:
            edit = replace(edit, without=self.chance.pick(self.shape.removable))
        elif how == "rename":
            edit = replace(edit, renamed=True)
        elif how == "add":
            edit = replace(edit, without="")
        with self._deciding():
            self.decisions.edited = self.decisions.edited or edit != self.edit
            self.decisions.words, self.decisions.without = edit.words, edit.without
            self.decisions.ended = False  # an apply puts a campaign in force again
            loaded = load(self.shape.name, self.start, edit)
            applying.apply(self.store, loaded, now=self.clock.now(), catalog=self.catalog)
            self.edit = edit
        if self.chance.happens(0.15):
            changes = applying.preview(self.store, loaded, now=self.clock.now()).changes
            again = changes.counts()
            if any(again.get(name) for name in ("add", "change", "cancel")):
                self.witness.broken("I20", f"a plan after apply would still change something: {dict(again)} {changes}")

    def _targets(self, touch: str) -> tuple[steering.Target, ...]:
        name = f"sim-{self.shape.name}"
        return steering.targets(self.store, self.catalog, [f"{name}/{self.edit.id(touch)}" if touch else name])

    def _pause_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.paused |= _meant(chosen)
            steering.pause(self.store, chosen, until=None, now=self.clock.now(), who="me")

    def _resume_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.paused -= _meant(chosen)
            steering.resume(self.store, chosen, now=self.clock.now(), who="me")

    def _cancel_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.dropped |= _meant(chosen) if touch else set(self.shape.touches)
            if touch:
                self.decisions.rejected |= _meant(chosen)
            else:
                self.decisions.ended = True
                self.decisions.paused.discard("")  # an apply that puts it in force again lets it run
            steering.cancel(self.store, self.catalog, chosen, now=self.clock.now(), who="me")

    def _approve_now(self, touch: str) -> None:
        chosen = self._targets(touch)
        with self._deciding():
            self.decisions.approved |= dict.fromkeys(_meant(chosen), self.decisions.words)
            self.decisions.rejected -= _meant(chosen)
            steering.approve(self.store, self.catalog, chosen, now=self.clock.now(), who="me")

    def _stop_now(self, who: str, how: str) -> None:
        with self._deciding():
            self.decisions.stopped |= self.decisions.group(who)
            if how == "link":
                people.unsubscribe(self.store, who, now=self.clock.now(), by="me")
                return
            happenings.record_event(
                self.store, self.catalog, who=who, name=how, at=None, key=None, facts={}, now=self.clock.now()
            )

    def _join_now(self, who: str) -> None:
        """A file brings a person with their consent: what was taken back is given again, what was stopped is not."""
        with self._deciding():
            self.decisions.withdrawn -= self.decisions.group(who)
            people.import_contacts(self.store, [person(who)], source="again", now=self.clock.now())

    def _withdraw_now(self, who: str) -> None:
        """A file says that a person agrees to nothing any more."""
        with self._deciding():
            self.decisions.withdrawn |= self.decisions.group(who)
            row = replace(person(who), consent=())
            people.import_contacts(self.store, [row], source="again", now=self.clock.now())

    def _forget_now(self, who: str) -> None:
        """A person asks to be forgotten; who is imported again later is somebody new, whose opt-out still holds."""
        with self._deciding():
            self.witness.know_everybody()
            group = self.decisions.forgets(who)
            privacy.forget(self.store, _address(who), now=self.clock.now(), by="me")
        self.witness.forgets(group)

    def _merge_now(self, kept: str, other: str) -> None:
        """Two contacts turn out to be one person."""
        with self._deciding():
            self.witness.know_everybody()
            sides = self.decisions.merges(kept, other)
            privacy.merge(
                self.store, _address(kept), _address(other), now=self.clock.now(), by="me", catalog=self.catalog
            )
        self.witness.merges(*sides)

    def _authorise_now(self, budget: int | None) -> None:
        with self._deciding():
            self.decisions.budget = budget
            applying.authorise(self.store, f"sim-{self.shape.name}", budget=budget, now=self.clock.now())

    def _resolve_now(self) -> None:
        """A person asks the far end what became of every unknown message, and says so.

        Of what is on its way still, from a sender that was stalled, the far end says that, and nobody decides.
        """
        accepted = {one.message.key for one in self.world.reached}  # numbers begin anew after a restore, keys do not
        arriving = {key for (_, key), senders in self.world.arriving.items() if senders}
        for row in [row for row in self.witness.rows.values() if row.state == "unknown"]:
            key = self.witness.key(row.id)
            if key in arriving:
                continue
            with self._deciding():
                self.decisions.resolved.add(row.id)
                settling.settle_unknown(
                    self.store,
                    self.catalog,
                    row.id,
                    went=key in accepted,
                    reason="looked up at the provider",
                    now=self.clock.now(),
                    who="me",
                )


def _address(who: str) -> str:
    """Return what finds a person whoever they were merged into."""
    return f"{who}@example.org"


def _meant(chosen: Sequence[steering.Target]) -> set[str]:
    """Return the touches that a decision is about, what hangs on a post with the post; "" is the campaign."""
    return {target.touch or "" for target in chosen}
