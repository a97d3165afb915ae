"""The exit codes of every command, and which error ends in which; a CI job may depend on them."""

from __future__ import annotations

from campaigns.errors import CampaignError
from scheduler.errors import AttentionError, BusyError

DONE = 0
FAILED = 1
CHANGES = 2  # only `plan --detailed-exitcode`
ATTENTION = 3
USAGE = 64
BUSY = 75
INTERRUPTED = 130


def code_of(error: CampaignError) -> int:
    """Return the exit code an error a user caused ends in."""
    if isinstance(error, BusyError):
        return BUSY
    if isinstance(error, AttentionError):
        return ATTENTION
    return FAILED
