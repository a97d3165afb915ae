"""What an expression says at most when nobody knows yet what people will have done."""

from __future__ import annotations

from campaigns.segments.expression import And, Expression, Happened, Not, Or


def at_most(expression: Expression) -> Expression | None:
    """Return an expression that holds for everybody who may ever fit `expression`, whatever they do; None is everybody.

    Conditions on events are left out: the person a touch waits for has not bought yet, and may have by then.
    """
    match expression:
        case Happened():
            return None
        case And(parts):
            kept = tuple(part for part in map(at_most, parts) if part is not None)
            return None if not kept else kept[0] if len(kept) == 1 else And(kept)
        case Or(parts):
            bounds = tuple(at_most(part) for part in parts)
            return None if None in bounds else Or(tuple(part for part in bounds if part is not None))
        case Not(part):
            return None if _asks_events(part) else expression
        case _:
            return expression


def _asks_events(expression: Expression) -> bool:
    match expression:
        case Happened():
            return True
        case And(parts) | Or(parts):
            return any(map(_asks_events, parts))
        case Not(part):
            return _asks_events(part)
        case _:
            return False
