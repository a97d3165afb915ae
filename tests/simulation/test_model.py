"""A shop's life in any order, held against a small model; and lives written down, each of which shows a planted bug.

`uv run pytest tests/simulation/test_model.py --hypothesis-profile=search` lives through thousands of lives instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from simulation import planted
from simulation.lives import LIVES, Life, broken
from simulation.model import Shop
from sqlalchemy.exc import IntegrityError

GATE = settings(
    max_examples=30,
    stateful_step_count=16,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
# Each profile of conftest says how many lives: the gate's are few, those of `search` as many as it says.
LIVES_OF_THE_PROFILE = (
    GATE if settings.get_current_profile_name() == "gate" else settings(GATE, max_examples=2_500, derandomize=False)
)
MOST_ROUNDS, LIVES_A_ROUND = 20, 150


@pytest.mark.timeout(3_600)
def test_a_shop_lived_in_any_order_keeps_to_the_model() -> None:
    lived: list[Shop] = []

    class Lived(Shop):
        def teardown(self) -> None:
            super().teardown()
            lived.append(self)

    run_state_machine_as_test(Lived, settings=LIVES_OF_THE_PROFILE)  # raises with the story of a broken law

    assert len([shop for shop in lived if shop.begun]) >= LIVES_OF_THE_PROFILE.max_examples


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.tells)
def test_a_life_written_down_breaks_no_law(life: Life) -> None:
    assert broken(life) == ""


@pytest.mark.parametrize("life", [life for life in LIVES if life.bug is not None], ids=lambda life: life.tells)
def test_a_planted_bug_shows_in_a_life_written_down(life: Life) -> None:
    with life.bug():  # type: ignore[misc]
        story = broken(life)

    assert re.search(rf"^{life.law}: ", story, re.MULTILINE), story


@pytest.mark.timeout(900)
@pytest.mark.parametrize("bug", planted.OF_THE_MODEL, ids=lambda bug: bug.__name__)
def test_a_planted_bug_shows_in_lives_drawn_by_lot(bug: Callable[[], object]) -> None:
    with bug():  # type: ignore[attr-defined]
        assert any(_is_broken(number) for number in range(MOST_ROUNDS)), f"not found in {MOST_ROUNDS} rounds"


def _is_broken(number: int) -> bool:
    """Whether one of the lives drawn from this number shows that something is wrong."""
    machine = seed(number)(type("Shop", (Shop,), {}))
    lives = settings(GATE, max_examples=LIVES_A_ROUND, derandomize=False, phases=(Phase.generate,))
    try:
        run_state_machine_as_test(machine, settings=lives)
    except (AssertionError, IntegrityError):
        return True
    return False
