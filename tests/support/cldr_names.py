"""Writes `campaigns/timing/lexicon/cldr.py` from CLDR: `uv run python tests/support/cldr_names.py`."""

from __future__ import annotations

from pathlib import Path

from babel import Locale

MODULE = Path(__file__).parents[2] / "campaigns" / "timing" / "lexicon" / "cldr.py"
LANGUAGES = ("en", "fr", "ro", "ru", "es", "de")
_HEAD = '''\
"""Names of months and weekdays from CLDR, written by tests/support/cldr_names.py; change that, not this.

Each is (whole words, abbreviations): the form that stands alone first, then the one within a date ("январь", "января").
"""

from __future__ import annotations

from collections.abc import Mapping

from campaigns.timing.lexicon.table import Words
'''


def module() -> str:
    """Return the text of the module: January to December and Monday to Sunday of each language."""
    months, weekdays = {}, {}
    for language in LANGUAGES:
        locale = Locale(language)
        months[language] = [_forms(locale.months, number) for number in range(1, 13)]
        weekdays[language] = [_forms(locale.days, number) for number in range(7)]  # 0 is Monday here as there
    return f"{_HEAD}\n{_table('MONTHS', months)}\n{_table('WEEKDAYS', weekdays)}"


def _forms(names: object, number: int) -> tuple[str, str]:
    wide, short = (
        [names[context][width][number].removesuffix(".") for context in ("stand-alone", "format")]  # type: ignore[index]
        for width in ("wide", "abbreviated")
    )
    abbreviations = [form for form in short if form not in wide]
    return " | ".join(dict.fromkeys(wide)), " | ".join(dict.fromkeys(abbreviations))


def _table(name: str, found: dict[str, list[tuple[str, str]]]) -> str:
    lines = [f"{name}: Mapping[str, tuple[tuple[Words, Words], ...]] = {{"]
    for language, every in found.items():
        lines.append(f'    "{language}": (')
        lines.extend(f'        ("{wide}", "{short}"),' for wide, short in every)
        lines.append("    ),")
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    MODULE.write_text(module(), encoding="utf-8")
