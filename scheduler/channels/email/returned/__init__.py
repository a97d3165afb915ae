"""What comes back of mails: mailboxes read, reports taken apart; who is concerned and what follows is not here."""

from scheduler.channels.email.returned.mailboxes import Raw, of_stream, raw_mails
from scheduler.channels.email.returned.model import BY_MAIL, Kind, Notice, Returned, of_mailbox
from scheduler.channels.email.returned.reports import read

__all__ = ["BY_MAIL", "Kind", "Notice", "Raw", "Returned", "of_mailbox", "of_stream", "raw_mails", "read"]
