"""Audience expressions over contact facts and past events: read, kept as typed values, decided in Python.

The grammar is closed: comparisons, `in`, `is known`, events with `within` and `since`, `and`, `or`, `not`, parentheses.
No SQL here: the store turns the same values into it.
"""

from campaigns.segments.bounds import at_most
from campaigns.segments.decision import PastEvent, evaluate, event_matches, fact_of, is_known, matches, readings
from campaigns.segments.expression import (
    EVENT_FACTS,
    And,
    Comparison,
    Expression,
    Happened,
    Known,
    Membership,
    Not,
    Operator,
    Or,
    Value,
    events,
    fields,
)
from campaigns.segments.parser import parse

__all__ = [
    "EVENT_FACTS",
    "And",
    "Comparison",
    "Expression",
    "Happened",
    "Known",
    "Membership",
    "Not",
    "Operator",
    "Or",
    "PastEvent",
    "Value",
    "at_most",
    "evaluate",
    "event_matches",
    "events",
    "fact_of",
    "fields",
    "is_known",
    "matches",
    "parse",
    "readings",
]
