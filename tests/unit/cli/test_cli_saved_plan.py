import json
from pathlib import Path

import pytest

from scheduler.cli import saved_plan
from scheduler.errors import SchedulerError


def test_a_saved_plan_is_read_back_with_its_moments(tmp_path: Path) -> None:
    entry = {
        "campaign": "spring",
        "file": "/shop/spring.yaml",
        "file_hash": "a" * 64,
        "generation": "7",
        "tzdata": "2026f",
        "hash": "b" * 64,
        "now": "2026-11-20T00:00:00+00:00",
        "next_due_at": None,
        "plan": {},
    }
    (tmp_path / "plan.json").write_text(json.dumps({"format": "campaign-plan/1", "plans": [entry]}))

    [plan] = saved_plan.read(tmp_path / "plan.json")

    assert (plan.campaign, plan.file, plan.generation) == ("spring", Path("/shop/spring.yaml"), "7")
    assert plan.now.isoformat() == "2026-11-20T00:00:00+00:00"
    assert plan.next_due_at is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "other/1"}', '{"format": "campaign-plan/1", "plans": [{}]}']
)
def test_what_is_no_saved_plan_is_refused_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)

    with pytest.raises(SchedulerError, match="is not a saved plan - make one: campaign plan FILE -o PLAN"):
        saved_plan.read(tmp_path / "plan.json")
