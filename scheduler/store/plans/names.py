"""What renamed touches are called: history knows a touch by its first id for ever, people by its present one."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, and_, select

from campaigns import diff
from scheduler.store.tables import CAMPAIGNS, REVISIONS

_RENAMED = select(REVISIONS.c.campaign, REVISIONS.c.timeline).join(
    CAMPAIGNS, and_(CAMPAIGNS.c.id == REVISIONS.c.campaign, CAMPAIGNS.c.revision == REVISIONS.c.number)
)


class TouchNames:
    """The present ids of touches that were renamed, by campaign and first id."""

    def __init__(self, renamed: Mapping[tuple[str, str], str]) -> None:
        self._renamed = renamed

    def of(self, campaign: str, touch: str) -> str:
        """Return what a touch is called that history knows as `touch`."""
        return self._renamed.get((campaign, touch), touch)

    def key(self, touch: str, campaign: str | None = None) -> str:
        """Return how history knows the touch that is called so now (of one campaign, or any); else the id itself."""
        known = ((found, key) for (found, key), name in self._renamed.items() if name == touch)
        return next((key for found, key in known if campaign in (None, found)), touch)


def touch_names(conn: Connection) -> TouchNames:
    """Return what the touches of every campaign are called by the revision in force."""
    renamed = {}
    for campaign, timeline in conn.execute(_RENAMED):
        for key in timeline.get(diff.NAMES, {}):
            renamed[campaign, key] = diff.name_of(timeline, key)
    return TouchNames(renamed)
