"""What of a plan falls after the end of the token it would go by: the touch, its date, the end, and what to do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from campaigns.timing import zones
from scheduler.cli import database, wording
from scheduler.cli.options import Session
from scheduler.cli.output import Screen, Span
from scheduler.project import MARKER

if TYPE_CHECKING:
    from scheduler.channels.horizon import TokenEnd
    from scheduler.cli.review import Review

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Late:
    """A date of a touch at or after the end of its account's token."""

    touch: str
    due_at: datetime
    end: TokenEnd


def ends(session: Session) -> tuple[TokenEnd, ...]:
    """Return when the tokens of this project's accounts end; the settings are read only where there may be accounts."""
    toml = session.project.folder / MARKER
    told = any(name.startswith("CAMPAIGN_ACCOUNTS") for name in os.environ) or "CREDENTIALS_DIRECTORY" in os.environ
    if not told and not (toml.is_file() and "accounts" in toml.read_text(encoding="utf-8", errors="replace")):
        return ()
    from scheduler.cli.account_checks import token_ends

    return token_ends(database.settings(session))


def late(review: Review, known: Sequence[TokenEnd]) -> tuple[Late, ...]:
    """Return the dates to come that no known token reaches, the earliest first; what the daemon renews is left out."""
    firm = [end for end in known if not end.renewed]
    if not firm:
        return ()
    from scheduler.channels import horizon

    accounts = review.loaded.campaign.accounts
    found = []
    for touch in review.timeline.touches:
        if touch.by_hand:
            continue
        end = horizon.end_of(firm, touch.channel, accounts.get(touch.channel))
        if end is None or touch.id in review.cancelled:
            continue
        found += [
            Late(touch.id, one.due_at, end)
            for one in touch.occurrences
            if one.state == "planned" and one.due_at >= max(end.ends_at, review.now)
        ]
    return tuple(sorted(found, key=lambda one: (one.due_at, one.touch)))


def show(screen: Screen, review: Review, known: Sequence[TokenEnd]) -> None:
    """Write for each account whose token ends too early what comes after it, and the remedy; else nothing."""
    found = late(review, known)
    for end in dict.fromkeys(one.end for one in found):
        after = [one for one in found if one.end == end]
        verb = "ended" if end.ends_at <= review.now else "ends"
        when = wording.day(end.ends_at.date(), year=True)
        number = wording.count(len(after), "date")
        screen.paragraph(
            Span("! ", "warning"), f"the token of {end.account} {verb} on {when}, before {number}:", indent=2
        )
        rows = [(one.touch, wording.moment(zones.local(one.due_at, review.loaded.campaign.zone))) for one in after]
        screen.columns([["  ", Span(touch, "strong"), when] for touch, when in rows[:_SHOWN]])
        if len(rows) > _SHOWN:
            screen.line(f"    and {wording.thousands(len(rows) - _SHOWN)} more")
        screen.paragraph("    ", Span(end.remedy, "command"), indent=4)
        screen.line()


def document(review: Review, known: Sequence[TokenEnd]) -> list[dict[str, object]]:
    """Return the same for other programs; moments bear the offset of the campaign's zone."""
    zone = review.loaded.campaign.zone
    return [
        {
            "touch": one.touch,
            "due_at": zones.local(one.due_at, zone),
            "account": one.end.account,
            "token_ends_at": zones.local(one.end.ends_at, zone),
            "hint": one.end.remedy,
        }
        for one in late(review, known)
    ]
