"""Questions about a contacts file that only a person can answer: its encoding, and what its columns are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from scheduler.cli.options import Session
from scheduler.cli.output import Span
from scheduler.contacts_csv import EncodingQuestion, shape_of


def encoding(session: Session, file: Path) -> str | None:
    """Return the encoding of a file that is not UTF-8, as a person chose it among those that fit; None for UTF-8.

    Raises: EncodingQuestion where nobody can answer.
    """
    try:
        shape_of(file)
    except EncodingQuestion as question:
        if not _can_ask(session) or not question.candidates:
            raise
        screen = session.screen
        screen.line(f"{file} is not UTF-8. Which of these reads right?")
        for number, one in enumerate(question.candidates, 1):
            screen.line(f"  {number}  ", Span(f"{one.encoding} ({one.used_by})", "strong"))
            for sample in one.samples:
                screen.line(f"       {sample}")
        choice = click.prompt("Number", type=click.IntRange(1, len(question.candidates)), err=True)
        return question.candidates[choice - 1].encoding
    return None


def columns(
    session: Session, file: Path, encoding: str | None, names: Mapping[str, str], *, given: bool
) -> dict[str, str]:
    """Return what the columns are: `names`, and what a person says of those that neither it nor a table knows.

    Where nobody is asked (or `given`), such a column is a fact of its own name.
    """
    said = dict(names)
    if given or not _can_ask(session):
        return said
    shape = shape_of(file, encoding=encoding, names=names)
    for header in shape.unknown:
        own = shape.mapping[header]
        question = (
            f"What is “{header}”? A field, a fact (name or name:number, :date, :yes-no, :list, :text), - for none"
        )
        said[header] = click.prompt(question, default=own, err=True).strip() or own
    return said


def _can_ask(session: Session) -> bool:
    return not session.no_input and not session.json and sys.stdin.isatty()
