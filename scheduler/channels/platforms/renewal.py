"""Tokens of Instagram and Threads that last 60 days and are renewed by themselves, kept by a `Keeper`.

Sources: https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token and
https://developers.facebook.com/docs/threads/get-started/long-lived-tokens: a token that is at least 24 hours old and
has not ended can be renewed; one that is not renewed within its 60 days has ended for good.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.channels.platforms.graph import Graph
from scheduler.channels.platforms.tokens import Keeper, Kept
from scheduler.errors import DeliveryError, SchedulerError

_logger = logging.getLogger(__name__)

_LASTS = timedelta(days=60)
_YOUNG = timedelta(hours=24)
_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """How a platform renews: the path below the host, which has no version, and the word it calls it by."""

    path: str
    kind: str


class Renewal:
    """Renews the tokens of a platform's accounts when less than half of their time is left."""

    def __init__(self, keeper: Keeper, grant: Grant) -> None:
        self._keeper = keeper
        self._grant = grant
        self._not_before: dict[str, datetime] = {}

    async def fresh(self, graph: Graph) -> None:
        """Let an account bear the newest token there is, and renew that when it is due.

        Of a token that was just set nobody knows how old it is: it is tried at once, and when it is too young again a
        day later. What fails is tried again in an hour, and stops no post: as long as it lasts, the old token serves.
        """
        now = graph.clock.now()
        kept = self._keeper.get(graph.name)
        if kept is not None and kept.source != graph.source:
            kept = None
        if kept is not None and kept.token != graph.token:
            graph.use(kept.token)
        if now < self._not_before.get(graph.name, now) or not _is_due(kept, now):
            return
        self._not_before[graph.name] = now + _AGAIN
        try:
            renewed = await graph.renew(self._grant.path, self._grant.kind)
        except DeliveryError as error:
            _logger.warning("the token of %s was not renewed: %s", graph.name, error.message)
            if kept is None:
                self._keep(graph, now + _LASTS / 2 + _YOUNG)
            return
        graph.use(renewed.token)
        self._keep(graph, now + min(renewed.lasts, _LASTS))

    def _keep(self, graph: Graph, until: datetime) -> None:
        try:
            self._keeper.put(graph.name, Kept(graph.token, expires_at=until, source=graph.source))
        except SchedulerError as error:
            _logger.warning("%s; %s", error.message, error.remedy)


def _is_due(kept: Kept | None, now: datetime) -> bool:
    return kept is None or kept.expires_at is None or kept.expires_at - now < _LASTS / 2
