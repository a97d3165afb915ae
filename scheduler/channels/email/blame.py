"""Whether a mail that was refused for what we are is refused for what it is: told by whether others are taken."""

from __future__ import annotations

from scheduler.errors import ChannelDown, Refused

_REMEMBERED = 1_000


class OurFault(ChannelDown):
    """One message was refused for what we are, or for a reason that may be ours: our reputation, our right to send."""


class Blame:
    """Remembers which mails were refused for our sake, and how many were taken when it was said."""

    def __init__(self) -> None:
        self._taken = 0
        self._blamed: dict[str, int] = {}

    def took(self) -> None:
        """Note that a mail was taken."""
        self._taken += 1

    def judge(self, key: str, error: OurFault) -> OurFault | Refused:
        """Return what such a refusal of the mail `key` means: the channel stops, and nobody is touched by our fault.

        When the same mail is refused again and others were taken meanwhile, it is that mail, and it fails.
        """
        taken = self._blamed.pop(key, None)
        if taken is not None and taken < self._taken:
            return Refused(error.message)
        self._blamed[key] = self._taken
        if len(self._blamed) > _REMEMBERED:
            del self._blamed[next(iter(self._blamed))]
        return error
