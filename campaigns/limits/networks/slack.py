"""Slack."""

from __future__ import annotations

from datetime import date

from campaigns.limits.model import Limit, Measure, most

_SEEN = date(2026, 11, 22)
_CUT = "https://api.slack.com/changelog/2018-04-truncating-really-long-messages"

LIMITS: tuple[Limit, ...] = (
    most(
        "slack.text.length",
        Measure.CHARACTERS,
        40_000,
        _CUT,
        _SEEN,
        strict=False,
        remedy="shorten it: the rest is cut off",
    ),
)
