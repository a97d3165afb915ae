"""How fast a channel may send: `100 per hour` read and written back, and the token bucket that keeps to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from campaigns.definition.values import UnreadableError, shown, text, written

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_SHORT = {"s": "second", "sec": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day"}
_RATE = re.compile(r"([1-9]\d{0,6})\s*(?:per|an?|/)\s*([a-z]+?)s?\Z")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `times` messages in every `unit` (second, minute, hour or day), wherever that span begins."""

    times: int
    unit: str

    def __str__(self) -> str:
        return f"{self.times} per {self.unit}"

    @property
    def burst(self) -> int:
        """How many may go at once: a tenth of them, at least one."""
        return max(1, self.times // 10)

    @property
    def per_second(self) -> float:
        """How many are gained each second, so that even after a full burst no unit of time has more than `times`."""
        return (self.times - self.burst + 1) / _SECONDS[self.unit]


def read_rate(value: object) -> Rate:
    """Read `100 per hour`, `30/min`, `5 a second`.

    Raises: UnreadableError.
    """
    if isinstance(value, Rate):
        return value
    match = _RATE.match(text(value).strip().lower())
    unit = _SHORT.get(match[2], match[2]) if match is not None else ""
    if match is None or unit not in _SECONDS:
        raise UnreadableError(f"expected a rate, got {shown(value)}", remedy="write it as 100 per hour, or 30/min")
    return Rate(int(match[1]), unit)


ChannelRate = Annotated[Rate, BeforeValidator(read_rate), PlainSerializer(written), WithJsonSchema({"type": "string"})]
