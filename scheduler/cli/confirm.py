"""Asking by severity: y/N for what adds, the name for what takes away; never a prompt where nobody can answer."""

from __future__ import annotations

import sys
from collections.abc import Collection

import click

from scheduler.cli.options import Session
from scheduler.errors import AttentionError


def yes(session: Session, question: str, *, given: bool) -> None:
    """Ask y/N unless `--yes` was given; raises AttentionError when nobody can answer or the answer is no."""
    if given:
        return
    _needs_a_person(session, question, "--yes")
    if not click.confirm(question, default=False, err=True):
        raise AttentionError("nothing was done")


def name(session: Session, consequence: str, expected: str, *, given: Collection[str]) -> None:
    """Ask to type `expected` unless `--confirm` gave it; raises AttentionError for anything else.

    `consequence` is a whole sentence: what the answer means for people.
    """
    if expected in given:
        return
    if given:
        raise AttentionError(f"{', '.join(given)} is not {expected}: nothing was done", remedy=f"--confirm {expected}")
    _needs_a_person(session, consequence, f"--confirm {expected}")
    typed = click.prompt(f"{consequence} Type {expected} to go on", default="", show_default=False, err=True)
    if typed.strip() != expected:
        raise AttentionError(f"that is not {expected}: nothing was done")


def _needs_a_person(session: Session, question: str, option: str) -> None:
    if session.no_input or not sys.stdin.isatty():
        raise AttentionError(_as_error(question), remedy=f"nothing was done; say so with {option}")


def _as_error(question: str) -> str:
    return question.rstrip("?").rstrip(".")
