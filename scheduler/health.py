"""Whether a campaign fails more often than people should be exposed to; pure counting, no clock and no database."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from enum import Enum

WINDOW = 50  # DELIVERY: more than 5 % rendering failures, or more than 10 % refusals, in 50 messages
_FIRST = 10  # nothing at all works: no need to wait for fifty

# Gmail's and Yahoo's rules for bulk senders: aim under 0.1 % of people who call a mail spam, never reach 0.3 %; what is
# over it is looked at for seven days in a row.
COMPLAINTS_WITHIN = timedelta(days=7)
_COMPLAINTS_NEVER, _COMPLAINTS_AIMED = 0.003, 0.001
_FEWEST_COMPLAINTS = 3  # fewer say nothing about a mailing, however small it is


class Result(Enum):
    """What counts about a message that ended."""

    SENT = "sent"
    RENDERING = "rendering"
    REFUSED = "refused"


_MOST = {Result.RENDERING: 0.05, Result.REFUSED: 0.10}
_SAYS = {Result.RENDERING: "could not be rendered", Result.REFUSED: "were refused"}


class Health:
    """The last messages of each campaign since the daemon began, or since the campaign was last paused."""

    def __init__(self) -> None:
        self._last: dict[str, deque[Result]] = {}
        self._counts: dict[str, dict[Result, int]] = {}

    def note(self, campaign: str, result: Result) -> str | None:
        """Count a message; return why the campaign must be paused, None when all is well."""
        last, counts = self._last.get(campaign), self._counts.get(campaign)
        if last is None or counts is None:
            last, counts = self._last[campaign], self._counts[campaign] = deque(), dict.fromkeys(Result, 0)
        if result is Result.SENT and len(last) == WINDOW == counts[result]:
            return None  # as all of the last were
        last.append(result)
        counts[result] += 1
        if len(last) > WINDOW:
            counts[last.popleft()] -= 1
        failed = len(last) - counts[Result.SENT]
        if failed and (len(last) == WINDOW or (len(last) >= _FIRST and failed == len(last))):
            for kind, most in _MOST.items():
                if counts[kind] > most * len(last):
                    del self._last[campaign], self._counts[campaign]
                    return f"{counts[kind]} of the last {len(last)} messages {_SAYS[kind]}"
        return None


def complained(complaints: int, sent: int) -> str | None:
    """Return why a campaign must be paused; `sent` within `COMPLAINTS_WITHIN`, and `complaints` about those mails.

    Complaints of today about the mails of last month say nothing of the few that went since.
    """
    if complaints < _FEWEST_COMPLAINTS or complaints < _COMPLAINTS_NEVER * sent:
        return None
    return f"{complaints} of {sent} people called its mails of the last 7 days spam: 0.3 % or more"


def complains_much(complaints: int, sent: int) -> bool:
    """Whether more people complain than a sender should aim at, and the campaign may still go on."""
    return complaints >= _FEWEST_COMPLAINTS and _COMPLAINTS_AIMED * sent <= complaints < _COMPLAINTS_NEVER * sent
