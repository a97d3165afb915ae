"""The options every leaf has, by one decorator, and the session they make: project, screen, one clock reading."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from scheduler.cli.frame import Holder
from scheduler.cli.output import Screen
from scheduler.clock import FixedClock, SystemClock
from scheduler.project import Project

F = TypeVar("F", bound=Callable[..., Any])
_SPAN = re.compile(r"(\d{1,5})\s*(min|h|d|w)\Z")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass
class Session:
    """What one command was asked for beside its own options."""

    folder: Path | None = None
    json: bool = False
    plain: bool = False
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False
    no_input: bool = False
    now_text: str | None = None
    _reading: datetime | None = field(default=None, repr=False)

    @functools.cached_property
    def screen(self) -> Screen:
        """The two streams, coloured only where a person looks at them."""
        return Screen(color=False if self.no_color or self.plain or self.json else None, quiet=self.quiet)

    @functools.cached_property
    def project(self) -> Project:
        """The project folder the command works in."""
        return Project.find(self.folder or Path())

    def now(self, zone: str | None = None) -> datetime:
        """Return the moment of this command: `--now` read in `zone` (else the machine's), or the one clock reading."""
        if self.now_text is not None:
            return read_moment(self.now_text, zone)
        if self._reading is None:
            self._reading = SystemClock().now()
        return self._reading

    def clock(self, zone: str | None = None) -> FixedClock:
        """Return a clock that stands at `now`."""
        return FixedClock(self.now(zone))


def read_moment(text: str, zone: str | None = None) -> datetime:
    """Read an ISO date (its midnight) or date and time; without an offset in `zone`, else in the machine's zone.

    Raises: click.BadParameter for anything else.
    """
    try:
        if len(text.strip()) <= 10:
            moment = datetime.combine(date.fromisoformat(text.strip()), time())
        else:
            moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(
            f"cannot read {text!r} as a moment, expected e.g. 2027-01-10 or 2027-01-10T09:30"
        ) from None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if zone is None:
        return moment.astimezone(UTC)
    from campaigns.timing import zones

    return zones.instant(moment.date(), moment.time(), zone)


def read_since(text: str, now: datetime, zone: str | None) -> datetime:
    """Read how far back to look from `now`: `30min`, `2h`, `3d`, `1w`, or a moment; see `read_moment`.

    Raises: click.BadParameter for anything else.
    """
    match = _SPAN.match(text.strip())
    if match:
        return now - int(match[1]) * _UNITS[match[2]]
    try:
        return read_moment(text, zone)
    except click.BadParameter:
        raise click.BadParameter(
            f"cannot read {text!r}, expected e.g. 30min, 2h, 3d, 1w or 2027-01-10", param_hint="--since"
        ) from None


def read_day(_: click.Context, __: click.Parameter, text: str | None) -> date | None:
    """Read the ISO date of an option; raises click.BadParameter."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"cannot read {text!r} as a date, expected e.g. 2027-01-10") from None


def _check_now(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None:
        read_moment(text, "UTC")
    return text or None


class _CommonOption(click.Option):
    common = True


_OPTIONS = (
    _CommonOption(
        ["--project", "folder"],
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="Project folder (default: where campaign.toml lies, else here).",
    ),
    _CommonOption(["--json"], is_flag=True, help="One JSON document on stdout."),
    _CommonOption(["--plain"], is_flag=True, help="Rows separated by tabs, nothing else."),
    _CommonOption(["--no-color"], is_flag=True, help="No colour (also: NO_COLOR)."),
    _CommonOption(["-q", "--quiet"], is_flag=True, help="Only the answer and errors."),
    _CommonOption(["-v", "--verbose"], is_flag=True, help="More detail; the traceback of a failure."),
    _CommonOption(["--no-input"], is_flag=True, help="Never ask; what would be asked ends with code 3."),
    _CommonOption(
        ["--now", "now_text"],
        metavar="WHEN",
        envvar="CAMPAIGN_NOW",
        callback=_check_now,
        help="Look from this day or moment, e.g. 2027-01-10 (also: CAMPAIGN_NOW).",
    ),
)


def common(function: F) -> F:
    """Give a leaf the common options; it gets the `Session` as its first argument and returns an exit code or None."""

    @functools.wraps(function)
    @click.pass_context
    def leaf(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        session = Session(**{option.name: kwargs.pop(option.name) for option in _OPTIONS if option.name})
        if isinstance(ctx.obj, Holder):
            ctx.obj.session = session
        if session.json and session.plain:
            raise click.UsageError("--json and --plain are two answers: choose one", ctx=ctx)
        return function(session, *args, **kwargs)

    existing: list[click.Parameter] = list(getattr(leaf, "__click_params__", []))
    leaf.__click_params__ = [*reversed(_OPTIONS), *existing]  # type: ignore[attr-defined]  # click reads them reversed
    return leaf  # type: ignore[return-value]
