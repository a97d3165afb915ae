"""Lives of the shop written down, rule by rule: what surely shows a planted bug, and what once broke a law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulation import planted
from simulation.model import Shop
from simulation.simulate import HOUR


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of the shop, and what it is given."""

    rule: Callable[..., None]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Life:
    """What happens in a life, in one sentence and in its steps; and the law that it breaks with a bug planted."""

    tells: str
    steps: tuple[Step, ...]
    bug: Callable[[], Any] | None = None
    law: str = ""


def broken(life: Life) -> str:
    """Live through the steps; return the story with the laws that were broken, empty where all held."""
    try:
        _live(life)
    except AssertionError as error:
        return str(error)
    return ""


def _live(life: Life) -> None:
    """Live through the steps as the machine does: after each, and at the end, it is asked what must hold.

    Raises: AssertionError with the story and the broken laws, ValueError for a step that the machine would not take.
    """
    shop = Shop()
    conditions = {rule.function.__name__: rule.preconditions for rule in shop.rules}
    try:
        for step in life.steps:
            if not all(allows(shop) for allows in conditions.get(step.rule.__name__, ())):
                raise ValueError(f"{step.rule.__name__} is not possible here")
            step.rule(shop, **step.values)
            for law in shop.invariants:
                law.function(shop)
    finally:
        shop.teardown()


def _killed_under_way() -> tuple[Step, ...]:
    """The daemon is killed while far ends are taking in what it has begun, and is started again."""
    return (
        *_step(Shop.starts, shape="hooks"),
        *_step(Shop.does, who="lea", which=0, cart=1, times=4),
        *_step(Shop.advance_to_what_is_due, offset=5.0),
        *_step(Shop.crash, hook=1),
        *_step(Shop.advance, seconds=8 * HOUR),
    )


def _step(rule: Callable[..., None], times: int = 1, **values: Any) -> tuple[Step, ...]:
    return (Step(rule, values),) * times


LIVES = (
    Life(
        "a daemon is killed while messages are under way, and the next one tries none of them again by itself",
        _killed_under_way(),
        planted.recovery_puts_attempts_back_into_the_queue,
        "I1",
    ),
    Life(
        "a daemon is killed while messages are under way, and the next one takes over what it left",
        _killed_under_way(),
        planted.no_recovery_at_start,
        "liveness",
    ),
    Life(
        "six thank-yous are due at once over two connections, and a person pauses while some wait for a connection",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.does, who="lea", which=0, cart=1, times=6),
            *_step(Shop.advance_to_what_is_due, offset=5.0),
            *_step(Shop.pause, which=0),
            *_step(Shop.advance, seconds=300.0),
        ),
        planted.a_pause_is_ignored_at_the_mark,
        "pause",
    ),
    Life(
        "somebody unsubscribes, and a file that says they agree is imported again",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.unsubscribe, who="lea"),
            *_step(Shop.import_again, who="lea"),
            *_step(Shop.advance, seconds=8 * HOUR, times=4),
        ),
        planted.an_import_overwrites_an_opt_out,
        "I5",
    ),
    Life(
        "somebody unsubscribes and asks to be forgotten, and a file that says they agree is imported again",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.unsubscribe, who="lea"),
            *_step(Shop.forget, who="lea"),
            *_step(Shop.import_again, who="lea"),
            *_step(Shop.advance, seconds=8 * HOUR, times=4),
        ),
        planted.forgetting_forgets_the_opt_out,
        "I5",
    ),
    Life(
        "somebody asks to be forgotten between a purchase and its thank-you",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.does, who="lea", which=0, cart=1),
            *_step(Shop.forget, who="lea"),
            *_step(Shop.advance, seconds=HOUR),
        ),
        planted.forgetting_leaves_what_was_planned,
        "I5",
    ),
    Life(
        "what one had at ten in Paris the other would have at ten in New York, and between the two they are one person",
        (
            *_step(Shop.starts, shape="zones"),
            *_step(Shop.advance, seconds=8 * HOUR, times=3),
            *_step(Shop.advance, seconds=HOUR, times=2),
            *_step(Shop.merge, kept="karim"),
            *_step(Shop.advance, seconds=8 * HOUR),
        ),
        planted.merging_leaves_both_messages_planned,
        "I1",
    ),
    Life(
        "both took their consent back, one gave it again, and they are one person",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.withdraw_consent, who="lea"),
            *_step(Shop.withdraw_consent, who="karim"),
            *_step(Shop.import_again, who="lea"),
            *_step(Shop.merge, kept="lea"),
            *_step(Shop.advance, seconds=8 * HOUR, times=4),
        ),
        planted.merging_takes_the_looser_consent,
        "I5",
    ),
    Life(
        "one has unsubscribed, and they are one person",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.unsubscribe, who="karim"),
            *_step(Shop.merge, kept="lea"),
            *_step(Shop.advance, seconds=8 * HOUR, times=4),
        ),
        planted.merging_takes_the_looser_consent,
        "I5",
    ),
    Life(
        "one buys and the other brings it back, and before the nudge about it they are one person",
        (
            *_step(Shop.starts, shape="nudge"),
            *_step(Shop.does, who="lea", which=0, cart=1),
            *_step(Shop.advance, seconds=20.0),
            *_step(Shop.does, who="karim", which=1, cart=1),
            *_step(Shop.merge, kept="lea"),
            *_step(Shop.advance, seconds=HOUR, times=4),
        ),
        planted.merging_forgets_what_the_other_did,
        "I15",
    ),
    Life(
        "a copy of the database is put back that does not know yet who asked to be forgotten",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.advance_to_what_is_due, offset=-1.0),
            *_step(Shop.copy_the_database),
            *_step(Shop.forget, who="lea"),
            *_step(Shop.restore_the_copy),
        ),
    ),
    Life(
        "two are one person once a copy was put back twice that knows what one of them had",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.does, who="lea", which=0, cart=1),
            *_step(Shop.copy_the_database),
            *_step(Shop.restore_the_copy),
            *_step(Shop.copy_the_database),
            *_step(Shop.restore_the_copy),
            *_step(Shop.merge, kept="karim"),
        ),
    ),
    Life(
        "a copy is put back while no daemon had noted yet that somebody asked to be forgotten",
        (
            *_step(Shop.starts, shape="hooks"),
            *_step(Shop.advance_to_what_is_due, offset=-1.0),
            *_step(Shop.copy_the_database),
            *_step(Shop.crash, hook=0),
            *_step(Shop.forget, who="karim"),
            *_step(Shop.restore_the_copy),
        ),
    ),
)
