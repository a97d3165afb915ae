"""Asking by severity: y/N for what adds, the campaign's name for what takes away; never a prompt under `--no-input`."""

from __future__ import annotations

import sys

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


def name(session: Session, question: str, expected: str, *, given: str | None) -> None:
    """Ask to type `expected` unless `--confirm` gave it; raises AttentionError for anything else."""
    if given is None:
        _needs_a_person(session, question, f"--confirm {expected}")
        given = click.prompt(f"{question} Type {expected!r} to go on", default="", show_default=False, err=True)
    if given.strip() != expected:
        raise AttentionError(f"{given!r} is not {expected!r}: nothing was done")


def _needs_a_person(session: Session, question: str, option: str) -> None:
    if session.no_input or not sys.stdin.isatty():
        raise AttentionError(question.rstrip("?").rstrip("."), remedy=f"say so with {option}")
