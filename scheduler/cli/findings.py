"""Mistakes and findings on a screen, with the line and a caret, and in JSON; where the author looks first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from campaigns.errors import CampaignError, DefinitionError, ExpressionError, Mistake, PhraseError, Place
from campaigns.finding import Finding, Level
from scheduler.cli.output import Screen, Span
from scheduler.cli.wording import count

SIGNS = {Level.ERROR: "✗", Level.WARNING: "!", Level.NOTE: "·"}


def of(error: CampaignError) -> tuple[Finding, ...]:
    """Return what an error says as findings of level error, one a mistake."""
    mistakes = error.mistakes if isinstance(error, DefinitionError) else ()
    if mistakes:
        return tuple(_finding(mistake) for mistake in mistakes)
    return (Finding("error", Level.ERROR, error.message, error.place, error.remedy),)


def _finding(mistake: Mistake) -> Finding:
    return Finding(mistake.code, Level.ERROR, mistake.message, mistake.place, mistake.remedy)


def as_json(finding: Finding) -> dict[str, object]:
    """Return the finding in the keys of the contract; what is not known is null."""
    place = finding.place
    return {
        "code": finding.code,
        "level": finding.level.value,
        "message": finding.message,
        "hint": finding.remedy or None,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }


def error_json(error: CampaignError) -> dict[str, object]:
    """Return `{"error": {"message", "at", "hint"}}`; `at` is the 0-based offset in a phrase, else the place."""
    at: object = str(error.place) if error.place else None
    if isinstance(error, (PhraseError, ExpressionError)):
        at = error.at
    return {"error": {"message": error.message, "at": at, "hint": error.remedy or None}}


def show(screen: Screen, findings: Sequence[Finding], *, error: bool = False) -> None:
    """Write each finding as `file:line:col: level: message - remedy` with the line itself under it (lint's screen).

    With `error` they go to stderr. A note stands without its line.
    """
    for finding in findings:
        where = f"{finding.place}: " if finding.place else ""
        remedy = f" - {finding.remedy}" if finding.remedy else ""
        level = Span(f"{finding.level.value}: ", finding.level.value)
        screen.paragraph(where, level, finding.message, remedy, indent=4, error=error)
        if finding.level is not Level.NOTE:
            for line in excerpt(finding.place):
                (screen.warn if error else screen.line)(*line)


def excerpt(place: Place | None) -> list[list[str | Span]]:
    """Return the line a place points at and a caret under what is meant; nothing when the line is not known."""
    if place is None or place.line is None or place.text is None:
        return []
    text = place.text.replace("\t", " ").rstrip()
    start = max(0, (place.column or 1) - 1)
    number = f"{place.line:>6}"
    if len(text) > 120:  # a very long line: only the part around the place
        cut = max(0, start - 40)
        text, start = ("…" if cut else "") + text[cut : cut + 110] + "…", start - cut + (1 if cut else 0)
    caret = "^" * max(1, min(place.width, len(text) - start))
    lines: list[list[str | Span]] = [[Span(f"{number} │ ", "faint"), text]]
    if place.column is not None:
        lines.append([Span(f"{'':>6} │ ", "faint"), " " * start, Span(caret, "error")])
    return lines


def brief(screen: Screen, findings: Iterable[Finding]) -> None:
    """Write findings in the short form of the plan: a sign, the message, its place, the remedy beneath."""
    for finding in findings:
        sign = Span(f"{SIGNS[finding.level]} ", finding.level.value)
        where = f"   {_short(finding.place)}" if finding.place and finding.place.line else ""
        screen.paragraph(sign, finding.message, Span(where, "faint"), indent=4)
        if finding.remedy:
            screen.paragraph("    ", finding.remedy, indent=4)


def _short(place: Place) -> str:
    return f"{place.file.rsplit('/', 1)[-1]}:{place.line}"


def tally(findings: Sequence[Finding], files: int) -> str:
    """Return the closing count, e.g. `4 errors, 0 warnings in 1 file`."""
    errors = sum(finding.level is Level.ERROR for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    return f"{count(errors, 'error')}, {count(warnings, 'warning')} in {count(files, 'file')}"
