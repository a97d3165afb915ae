"""Taking over the opt-outs of another provider: who unsubscribed, complained or bounced there is stopped here too."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from scheduler.contacts_csv import ContactRow, Refusal, Shape, Spool, as_row
from scheduler.store import people, plans
from scheduler.store.database import Store, bump
from scheduler.store.people import forgotten
from scheduler.store.people.lookup import Key
from scheduler.store.people.lookup import keys as keys_of

# What a list says of its people: the scope it stops and the reason that is stored.
REASONS: Mapping[str, tuple[str, str]] = {
    "unsubscribed": ("marketing", "unsubscribed"),
    "complained": ("marketing", "complaint"),
    "bounced": (people.MAIL, "bounce"),
}


def preview_stops(store: Store, shape: Shape, spool: Spool, *, why: str, now: datetime) -> people.Stopped:
    """Return what `import_stops` would do; rows it cannot take join the spool's refused rows."""
    total = people.Stopped()
    for chunk in spool.chunks():
        rows = _addresses(chunk, shape, spool, why)
        with contextlib.suppress(_Undo), store.begin() as conn:
            total += people.stop_addresses(conn, rows, _stop(why, now))
            raise _Undo
    return total


def import_stops(
    store: Store, shape: Shape, spool: Spool, *, why: str, source: str, now: datetime, by: str
) -> people.Stopped:
    """Let the opt-outs of a file hold, for contacts and for whoever comes later; `why` is one of `REASONS`.

    In transactions of some thousand rows; the same file again changes nothing.
    """
    total = people.Stopped()
    for chunk in spool.chunks():
        rows = _addresses(chunk, shape, spool, why)
        with store.begin() as conn:
            total += people.stop_addresses(conn, rows, _stop(why, now))
            bump(conn)
    with store.begin() as conn:
        detail = json.dumps({"why": why, "contacts": total.contacts, "kept": total.kept})
        plans.audit(conn, at=now, who=by, action="suppress", subject=source, detail=detail)
    return total


def _stop(why: str, now: datetime) -> forgotten.Stop:
    scope, reason = REASONS[why]
    return forgotten.Stop(scope, reason, now)


def _addresses(chunk: Sequence[ContactRow], shape: Shape, spool: Spool, why: str) -> list[list[Key]]:
    """Return the addresses of each person that the reason is about; a person with none is refused."""
    found = []
    for person in chunk:
        keys = [key for key in keys_of(person) if why != "bounced" or key[0] == "email"]
        if keys:
            found.append(keys)
        else:
            spool.refuse(Refusal(person.line, "no mailbox, and only a mailbox bounces", as_row(shape, person)))
    return found


class _Undo(Exception):
    """Rolls a transaction back that only looked what would happen."""
