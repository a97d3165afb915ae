"""What is kept of people no longer than it is needed: the daemon's daily round, by the spans of the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.timing import resolver
from campaigns.timing.model import Span
from scheduler.catalog import Catalog
from scheduler.operations import happenings, holding, opting, privacy
from scheduler.store import people, scrubbing
from scheduler.store.database import Connection, Store

TOGETHER = 100  # people forgotten in one transaction
BY = "retention"


@dataclass(frozen=True, slots=True)
class Rules:
    """After how long people are forgotten: without a sign of life, and with a sign-up they never confirmed."""

    inactive: Span | None = None
    unconfirmed: Span | None = None


class Round:
    """One round: `step` until it returns False. Between two steps the daemon sends; a round cut off is begun anew."""

    def __init__(self, store: Store, catalog: Catalog, rules: Rules, now: datetime) -> None:
        self.forgotten = 0
        self.clean = True
        self._store = store
        self._words: set[str] = set()
        self._now = now
        self._left = self._steps(catalog, rules)

    def step(self) -> bool:
        """Forget the next people in one transaction; return False when nobody is left and the files are clean.

        While the database is held nobody is forgotten: the clock or the data are in doubt.
        """
        if holding.held(self._store) is None and next(self._left, False):
            return True
        if self._words:
            self.clean = scrubbing.scrub(self._store, self._words)
            self._words.clear()
        return False

    def _steps(self, catalog: Catalog, rules: Rules) -> Iterator[bool]:
        privacy.forget_numbers(self._store, now=self._now)
        if rules.unconfirmed is not None:
            since = _before(self._now, rules.unconfirmed)
            detail = f"sign-up not confirmed since {since.date().isoformat()}"
            yield from self._forget(lambda conn: _unconfirmed(conn, catalog, since), detail)
        if rules.inactive is not None:
            long_ago = _before(self._now, rules.inactive)
            detail = f"inactive since {long_ago.date().isoformat()}"
            yield from self._forget(lambda conn: people.inactive(conn, long_ago, limit=TOGETHER), detail)

    def _forget(self, choose: Callable[[Connection], Sequence[int]], detail: str) -> Iterator[bool]:
        while found := privacy.forget_some(self._store, choose, detail=detail, now=self._now, by=BY):
            self.forgotten += len(found)
            self._words.update(*found)
            yield True


def _before(now: datetime, span: Span) -> datetime:
    return resolver.add_span(now, span, "UTC", sign=-1)


def _unconfirmed(conn: Connection, catalog: Catalog, since: datetime) -> list[int]:
    """Return people whose sign-up a form or a campaign with `signup:` took, and who did not confirm it before."""
    asking = {
        (found.id, touch.id)
        for found in catalog.in_force(conn)
        if found.campaign.signup is not None
        for _, touch in found.campaign.touches()
        if touch.confirms
    }
    return people.unconfirmed(conn, since, asking, form=opting.FORM, event=happenings.SIGN_UP, limit=TOGETHER)
