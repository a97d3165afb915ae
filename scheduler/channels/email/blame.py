"""Whether a mail that was refused for what we are is refused for what it is: told by whether others are taken."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.errors import NotSent, OurFault, Refused

_REMEMBERED = 1_000
_ENOUGH = 3  # in a row: it is not these mails


@dataclass(slots=True)
class _Taken:
    """What became of the mails under one name: how many were taken, and how many refused since the last that was."""

    mails: int = 0
    refused: int = 0


class Blame:
    """Remembers which mails were refused for our sake, and how many of the same sender were taken when it was said."""

    def __init__(self) -> None:
        self._senders: dict[str | None, _Taken] = {}
        self._blamed: dict[str, int] = {}

    def took(self, sender: str | None) -> None:
        """Note that a mail of this sender was taken."""
        taken = self._of(sender)
        taken.mails += 1
        taken.refused = 0

    def judge(self, key: str, sender: str | None, error: OurFault) -> OurFault | NotSent | Refused:
        """Return what such a refusal of the mail `key` means: its sender waits, and nobody is touched by our fault.

        Between mails that are taken it waits alone, until there are too many in a row. When the same mail is refused
        again and others were taken meanwhile, it is that mail, and it fails.
        """
        taken = self._of(sender)
        before = self._blamed.pop(key, None)
        if before is not None and before < taken.mails:
            return Refused(error.message)
        self._blamed[key] = taken.mails
        if len(self._blamed) > _REMEMBERED:
            del self._blamed[next(iter(self._blamed))]
        taken.refused += 1
        return NotSent(error.message) if taken.mails and taken.refused < _ENOUGH else error

    def _of(self, sender: str | None) -> _Taken:
        return self._senders.setdefault(sender, _Taken())
