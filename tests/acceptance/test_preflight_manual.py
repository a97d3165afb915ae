"""The manual lists every limit with its value, its page and its day, as the data have them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from campaigns import limits
from campaigns.lint.preflight import LIMIT_RULES, bounds
from campaigns.lint.rules import MEDIA_RULES, POSTING_RULES, RULES

PAGE = Path(__file__).parents[2] / "docs" / "preflight.md"
MARK = "<!-- generated from the limits -->"


def test_the_manual_lists_the_limits_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = f"{text.partition(MARK)[0]}{MARK}\n\n" + "\n".join(tables()) + "\n"
    if os.environ.get("CAMPAIGN_UPDATE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8")
        text = made

    assert text == made


def test_the_manual_lists_the_rules_about_media() -> None:
    text = PAGE.read_text(encoding="utf-8")

    shown = [*MEDIA_RULES, *POSTING_RULES, *(rule for rule in RULES if rule.code in ("media-url", "post-as"))]
    assert [rule.code for rule in shown if f"| `{rule.code}` | {rule.level.value} | {rule.says} |" not in text] == []


def tables() -> Iterator[str]:
    """Yield the lines of the table of limits and of that of prices."""
    yield "## The limits"
    yield ""
    yield "| Code | Level | Measured | Limit | Read |"
    yield "|---|---|---|---|---|"
    for limit, rule in zip(limits.LIMITS, LIMIT_RULES, strict=True):
        read = f"[{limit.seen}]({limit.source})"
        yield f"| `{limit.name}` | {rule.level.value} | {limit.measure.value} | {bounds(limit)} | {read} |"
    yield ""
    yield "## The prices"
    yield ""
    yield "| Name | US dollars | Read |"
    yield "|---|---|---|"
    for price in limits.PRICES:
        yield f"| `{price.name}` | {price.amount} | [{price.seen}]({price.source}) |"
