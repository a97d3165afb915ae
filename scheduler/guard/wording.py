"""Why a database is held, as one sentence for the person who has to decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta


def restored(missing: int, at: datetime) -> str:
    """Say that the database is older than it was."""
    if not missing:
        return f"decisions are missing that were there on {_day(at)}: this is an older copy of the database"
    attempts = "1 attempt is missing" if missing == 1 else f"{missing} attempts are missing"
    return (
        f"{attempts} that {'was' if missing == 1 else 'were'} there on {_day(at)}: messages may have been sent already"
    )


def unseen(commits: int) -> str:
    """Say that the write-ahead log is damaged."""
    what = "1 commit" if commits == 1 else f"{commits} commits"
    return f"{what} of the write-ahead log cannot be read: messages may have been sent already"


def moved(at: datetime) -> str:
    """Say that the database was copied from another machine."""
    return (
        f"another machine was at work on this database on {_day(at)}: if that one still sends, people get everything"
        " twice"
    )


def copied(at: datetime) -> str:
    """Say that a PostgreSQL database is a copy, or was moved; alerts cut what is longer than 300 characters."""
    return (
        f"another PostgreSQL database was at work on {_day(at)}, and this is a copy of it, or the same one after a move"
        " or an upgrade of the server: if the other one still sends, people get everything twice; stop its daemons for"
        " good before you resume"
    )


def damaged(faults: Sequence[str]) -> str:
    """Say that the database file is damaged."""
    return f"the database file is damaged: {faults[0]}"


def jumped(jump: timedelta) -> str:
    """Say that the clock jumped."""
    return f"the clock jumped forward by {span(jump)}: a wrong clock would send what is not due"


def skewed(skew: timedelta) -> str:
    """Say that two clocks disagree."""
    return f"this machine's clock and the database server's differ by {span(skew)}"


def late(messages: int, absent: timedelta) -> str:
    """Say that much would go late."""
    what = "1 message is" if messages == 1 else f"{messages} messages are"
    return f"nothing was sent for {span(absent)}, and {what} late"


def span(length: timedelta) -> str:
    """Write a span in the largest unit that tells it: `400 days`, `30 h`, `7 min`."""
    seconds = int(length.total_seconds())
    if seconds < 3_600:
        return f"{max(seconds // 60, 1)} min"
    return f"{seconds // 3_600} h" if seconds < 48 * 3_600 else f"{seconds // 86_400} days"


def _day(at: datetime) -> str:
    """Write a moment as `localised` finds it again: whoever reads it may be in another zone than the daemon."""
    return f"{at:%Y-%m-%d at %H:%M} UTC"
