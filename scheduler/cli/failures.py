"""What a person sees when a command fails: one message and an exit code, a traceback only with `-v`."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import click
from click.exceptions import NoSuchCommand, NoSuchOption

from campaigns.errors import CampaignError, DefinitionError, ExpressionError, PhraseError
from scheduler.cli import exits, findings
from scheduler.cli.output import Screen, Span

if TYPE_CHECKING:
    from scheduler.cli.options import Session


def report(error: BaseException, session: Session | None) -> int:
    """Tell the person what went wrong and return the exit code; `session` is None when the options were not read."""
    screen = session.screen if session is not None else Screen()
    if isinstance(error, click.Abort):
        return _aborted(error, screen)
    if isinstance(error, KeyboardInterrupt):
        return exits.INTERRUPTED
    if isinstance(error, click.UsageError):
        return _misused(error, screen)
    if isinstance(error, click.ClickException):
        screen.warn(Span("error: ", "error"), _lower(error.format_message()))
        return exits.FAILED
    if isinstance(error, CampaignError):
        return _refused(error, screen, as_json=session is not None and session.json)
    if session is not None and session.verbose:
        screen.warn("".join(traceback.format_exception(error)))
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    screen.warn(Span("error: ", "error"), f"this should not have happened: {what.splitlines()[0]}")
    if session is None or not session.verbose:
        screen.warn("       the same command with -v shows where; please report it")
    return exits.FAILED


def _aborted(error: click.Abort, screen: Screen) -> int:
    """A prompt that was left: by Ctrl-C, or by the end of the input, which is a question nobody answered."""
    if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
        return exits.INTERRUPTED
    screen.warn("nothing was done")
    return exits.ATTENTION


def _misused(error: click.UsageError, screen: Screen) -> int:
    message = error.format_message()
    if isinstance(error, (NoSuchCommand, NoSuchOption)):
        message = error.message
        if error.possibilities:
            message = f"{message.rstrip('.')} - did you mean {error.possibilities[0]!r}?"
    screen.warn(Span("error: ", "error"), _lower(message))
    if error.ctx is not None:
        screen.warn(error.ctx.get_usage())
        screen.warn("help:  ", Span(f"{error.ctx.command_path} --help", "command"))
    return exits.USAGE


def _refused(error: CampaignError, screen: Screen, *, as_json: bool) -> int:
    if as_json:
        document = findings.error_json(error)
        if isinstance(error, DefinitionError):
            document["findings"] = [findings.as_json(finding) for finding in findings.of(error)]
        screen.json(document)
        return exits.code_of(error)
    if isinstance(error, (PhraseError, ExpressionError)) and error.place is None:
        text = error.phrase if isinstance(error, PhraseError) else error.expression
        _point_at(screen, text, error)
        return exits.code_of(error)
    found = findings.of(error)
    findings.show(screen, found, error=True)
    if len(found) > 1:
        screen.warn(f"{len(found)} errors")
    return exits.code_of(error)


def _point_at(screen: Screen, text: str, error: PhraseError | ExpressionError) -> None:
    """Show the phrase with a caret under the first word that could not be read."""
    screen.warn(Span("error: ", "error"), error.message)
    if text and "\n" not in text:
        word = text[error.at :].split(" ", 1)[0] or "?"
        screen.warn(Span("  │ ", "faint"), text)
        screen.warn(Span("  │ ", "faint"), " " * error.at, Span("^" * len(word), "error"))
    if error.remedy:
        screen.warn("  ", error.remedy)


def _lower(message: str) -> str:
    """Bring a message of click into the form of all others: lowercase, no full stop."""
    text = message.rstrip(".")
    return text[:1].lower() + text[1:]
