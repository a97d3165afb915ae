"""What an audience expression says, as frozen values; how it is written and decided is elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from campaigns.timing.model import Span

Value = str | int | float | bool | date

# The facts of an event in which `purchased('ring')` looks for 'ring'; a fact may hold one value or a list of them.
EVENT_FACTS = ("product", "products", "item", "items", "sku", "category", "categories", "offer", "touch", "cart", "key")


class Operator(StrEnum):
    """The comparisons."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; false when nobody knows the fact, also for `!=`."""

    field: str
    operator: Operator
    value: Value

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {_written(self.value)}"


@dataclass(frozen=True, slots=True)
class Membership:
    """`field in (values)`; false when nobody knows the fact. `not in` is `Not(Membership)` of a known fact."""

    field: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.field} in ({', '.join(_written(value) for value in self.values)})"


@dataclass(frozen=True, slots=True)
class Known:
    """`field is known`: the contact has the fact and it is not empty."""

    field: str

    def __str__(self) -> str:
        return f"{self.field} is known"


@dataclass(frozen=True, slots=True)
class Happened:
    """The person has such an event in the past; `key` is looked for in the facts `EVENT_FACTS` of the event.

    `within` counts back from now on the calendar of UTC; `since` is the first day that
    counts. Both bounds are inclusive.
    """

    event: str
    key: str | None = None
    within: Span | None = None
    since: date | None = None

    def __str__(self) -> str:
        text = f"{self.event}({_written(self.key) if self.key is not None else ''})"
        if self.within is not None:
            text += f" within {self.within}"
        if self.since is not None:
            text += f" since {self.since.isoformat()}"
        return text


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite: a comparison that is false because a fact is unknown becomes true."""

    part: Expression

    def __str__(self) -> str:
        return f"not ({self.part})"


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts; two at least."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, Or) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts; two at least."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


Expression = Comparison | Membership | Known | Happened | Not | And | Or


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if "'" in value else f"'{value}'"
    return value.isoformat() if isinstance(value, date) else str(value)


def _leaves(expression: Expression) -> Iterator[Comparison | Membership | Known | Happened]:
    match expression:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part):
            yield from _leaves(part)
        case _:
            yield expression


def fields(expression: Expression) -> frozenset[str]:
    """Return the names of the contact facts the expression looks at."""
    return frozenset(leaf.field for leaf in _leaves(expression) if not isinstance(leaf, Happened))


def events(expression: Expression) -> frozenset[str]:
    """Return the names of the events the expression looks at."""
    return frozenset(leaf.event for leaf in _leaves(expression) if isinstance(leaf, Happened))
