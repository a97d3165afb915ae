from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns import loader, planner
from campaigns.timeline import Timeline
from scheduler.cli import strip
from scheduler.cli.output import Span

FILE = Path(__file__).parents[2] / "acceptance" / "see" / "shop.yaml"


def drawn(timeline: Timeline) -> list[str]:
    lines = strip.draw(timeline, "Europe/Paris")
    return ["".join(piece.text if isinstance(piece, Span) else piece for piece in line).rstrip() for line in lines]


def planned(text: str, now: datetime = datetime(2026, 11, 20, tzinfo=UTC)) -> Timeline:
    return planner.plan(loader.load(text), now=now)


def stages(*whens: str, extra: str = "") -> str:
    text = f"campaign: spring\ntimezone: Europe/Paris\n{extra}stages:\n"
    for number, when in enumerate(whens):
        text += f"  - stage: stage {number}\n    kind: awareness\n    when: {when}\n"
        text += f"    touches: [{{id: touch-{number}, channel: instagram, text: hello}}]\n"
    return text


def test_a_campaign_of_weeks_is_drawn_by_weeks_with_its_occasion() -> None:
    lines = drawn(planned(FILE.read_text(encoding="utf-8")))

    assert lines == [
        "              Jan             Feb",
        "              4   11  18  25  1   8",
        "  awareness   ●   ·   ·   ·   ·   ·  ┃",
        "  conversion  ·   ·   ·─────●─·   ·  ┃  + 1 on cart_abandoned",
        "  loyalty     ·   ·   ·   ·   ·   ·  ┃  + 2 on purchase",
        "                                 Sun 14 Feb",
    ]


def test_a_campaign_of_days_is_drawn_by_days() -> None:
    lines = drawn(planned(stages("as soon as possible", "3 to 5 days later"), datetime(2026, 11, 20, 9, tzinfo=UTC)))

    assert lines[:2] == ["           Nov", "           20  21  22  23  24  25"]
    assert lines[2].startswith("  stage 0  ●   ·")


def test_a_campaign_of_months_is_drawn_by_months_under_its_years() -> None:
    lines = drawn(planned(stages("early december", "early july")))

    assert lines[:2] == ["           '26 '27", "           Dec Jan Feb Mar Apr May Jun Jul"]


def test_a_campaign_of_years_is_drawn_by_quarters() -> None:
    lines = drawn(planned(stages("early december", "1 october 2028")))

    assert lines[1] == "           Q4  Q1  Q2  Q3  Q4  Q1  Q2  Q3  Q4"


def test_a_campaign_that_only_waits_for_events_has_no_strip() -> None:
    text = (
        "campaign: spring\nstages:\n  - stage: loyal\n    kind: loyalty\n    enter_on: purchase\n"
        "    touches: [{id: thanks, channel: call, on: purchase, when: 1 day later, text: call}]\n"
    )

    assert drawn(planned(text)) == []


def test_two_touches_on_one_day_are_counted() -> None:
    text = stages("20 december").replace("}]", "}, {id: second, channel: instagram, text: hello}]")

    assert "2" in drawn(planned(text))[2]


@pytest.mark.parametrize("days", [1, 9, 40, 200, 800, 4000])
def test_no_strip_is_wider_than_a_screen(days: int) -> None:
    later = (datetime(2026, 12, 1, tzinfo=UTC) + timedelta(days=days)).strftime("%Y-%m-%d")
    lines = drawn(planned(stages("2026-12-01", later)))

    assert max(map(len, lines)) <= 88
