"""Which messages on the schedule fall after the end of the token that they would go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns import diff
from scheduler.channels import horizon
from scheduler.channels.horizon import TokenEnd
from scheduler.operations import watching
from scheduler.store import plans
from scheduler.store.database import Store


@dataclass(frozen=True, slots=True)
class Beyond:
    """A date of a touch for which no token is known that still counts then; `zone` is the campaign's."""

    campaign: str
    touch: str
    due_at: datetime
    zone: str
    end: TokenEnd


def beyond(store: Store, ends: Sequence[TokenEnd]) -> list[Beyond]:
    """Return the dates to come at or after the end of their account's token, the earliest first.

    What the daemon renews is left out: its end moves on while the daemon runs. What waits for an event has no date.
    """
    firm = [end for end in ends if not end.renewed]
    if not firm:
        return []
    found = []
    with store.read() as conn:
        for row in plans.campaigns(conn):
            record = plans.load_revision(conn, row.id, row.revision)
            if record is None or row.state == "cancelled":
                continue
            accounts, touches = record.definition.get("accounts", {}), record.timeline["touches"]
            for moment in plans.occurrences(conn, row.id, row.edition, states=("planned",)):
                planned = touches.get(moment.touch, {"channel": (), "settings": {}})
                for channel in () if watching.by_hand(planned) else planned["channel"]:
                    end = horizon.end_of(firm, channel, accounts.get(channel))
                    if end is not None and moment.due_at >= end.ends_at:
                        name = diff.name_of(record.timeline, moment.touch)
                        found.append(Beyond(row.id, name, moment.due_at, moment.zone or "UTC", end))
    return sorted(found, key=lambda one: (one.due_at, one.campaign, one.touch))
