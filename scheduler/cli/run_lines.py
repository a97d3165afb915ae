"""What the daemon says of each message: a line for a person, or a JSON object for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaigns.definition import TASKS
from scheduler.cli import telling
from scheduler.cli.output import Piece, Span
from scheduler.delivery import State

if TYPE_CHECKING:
    from scheduler.worker import Outcome

_STYLES = {
    State.SENT: "good",
    State.EXPIRED: "warning",
    State.HELD: "warning",
    State.RETRY_WAIT: "warning",
    State.FAILED: "error",
    State.UNKNOWN: "error",
}
_SKIPPED = "skip"  # how a suppressed message is told here; every other state by its name
_LONGEST_ID = 24


def document(outcome: Outcome) -> dict[str, object]:
    """Return an outcome in the keys of the log lines; `recipient` is a contact's number, never a name or an address.

    `provider_id` is what the far end calls it; of an outbox the file, whose name tells whom it is for.
    """
    claim = outcome.claim
    return {
        "at": outcome.at,
        "state": outcome.state.value,
        "campaign": claim.campaign,
        "edition": claim.edition,
        "touch": claim.touch,
        "channel": claim.channel,
        "by_hand": outcome.by_hand,
        "recipient": claim.recipient,
        "occurrence": claim.occurrence,
        "reason": outcome.reason,
        "provider_id": outcome.provider_id or None,
        "seconds": round(outcome.seconds, 3) if outcome.state is State.SENT else None,
    }


def row(outcome: Outcome) -> list[object]:
    """Return an outcome as the cells of `--plain`."""
    claim = outcome.claim
    at, state = outcome.at.isoformat(), outcome.state.value
    return [at, state, claim.campaign, claim.touch, claim.channel, claim.recipient, outcome.reason]


def pieces(outcome: Outcome, address: str, zone: str | None, *, file: bool = False) -> list[Piece]:
    """Return the line of an outcome: `10:00:02 sent valentines/ring-teaser → instagram  id 1789…  0.4 s`.

    `address` is whom it concerns, and is masked; empty for what is for nobody in particular. With `file` the provider's
    id is the name of the file it was written to, and stands whole.
    """
    word = _SKIPPED if outcome.state is State.SUPPRESSED else outcome.state.value
    claim = outcome.claim
    whom = telling.masked(address) or claim.channel
    start: list[Piece] = [
        f"{telling.local(outcome.at, zone):%H:%M:%S} ",
        Span(f"{word:<9}", _STYLES.get(outcome.state, "faint")),
        f" {claim.campaign}/{claim.touch} → {whom}",
    ]
    if outcome.state is not State.SENT:
        return [*start, f"  {outcome.reason}"]
    name = outcome.provider_id
    if not file and (claim.channel in TASKS or outcome.by_hand):
        name = "see campaign tasks"
    elif name and not file:
        name = f"id {name if len(name) <= _LONGEST_ID else name[: _LONGEST_ID - 1] + '…'}"
    return [*start, Span(f"  {name}" if name else "", "faint"), Span(f"  {outcome.seconds:.1f} s", "faint")]
