"""What can go wrong when campaigns are made to happen."""

from __future__ import annotations

from datetime import datetime

from campaigns.errors import CampaignError


class SchedulerError(CampaignError):
    """Base of the errors of the running side, worded for the person at the terminal."""


class BusyError(SchedulerError):
    """Another daemon holds the schedule, or the database is locked: try again (exit 75)."""


class StorageError(SchedulerError):
    """The database cannot be used as it is. `passing`: it may mend itself (disk full, server away): wait and retry.

    Otherwise the daemon has to stop, and nothing is tried again: a failed fsync, a damaged or vanished file. `part` is
    what of it cannot be used, as a person calls it: the database itself, or the state folder beside it.
    """

    def __init__(self, message: str, *, remedy: str = "", passing: bool = False, part: str = "the database") -> None:
        super().__init__(message, remedy=remedy)
        self.passing = passing
        self.part = part


class ConflictError(SchedulerError):
    """The same key was used before for something else; nothing was changed (HTTP 409)."""


class AttentionError(SchedulerError):
    """A person has to decide first: an approval, a confirmation (exit 3)."""


class StalePlanError(SchedulerError):
    """The plan that was to be applied no longer describes the file, the database or the calendar."""


# What code may raise about one campaign or one message; errors of the database are none of these, and pass.
FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    CampaignError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class DeliveryError(SchedulerError):
    """Base of what a channel may say of one message that was not simply sent."""


class NotSent(DeliveryError):
    """Certainly not sent and worth another try (`retry_wait`); `retry_at` when the far end said when."""

    def __init__(self, message: str, *, remedy: str = "", retry_at: datetime | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_at = retry_at


class Refused(DeliveryError):
    """Certainly not sent and never will be: the attempt ends as `failed`."""


class OptedOut(Refused):
    """Refused because the person told the far end to stop: nothing more goes to them by this channel."""


class ChannelDown(DeliveryError):
    """The channel and not the message is at fault (a refused log-in): nobody is touched, the channel waits."""


class OurFault(ChannelDown):
    """One message was refused for who we are: our reputation, our right to send under this name.

    Nobody is touched, and what goes out under the same name waits; what goes out under another one does not.
    """


class Unknown(DeliveryError):
    """The outcome is not known: it may have been sent; never sent again without evidence."""


class NoAccount(DeliveryError):
    """The channel has no account or server configured: the delivery is held and says so."""


class Withheld(SchedulerError):
    """The last-moment check said no; raised by the attempt mark, ends the delivery in `state` with `reason`."""

    def __init__(self, state: str, reason: str, *, next_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.next_at = next_at
