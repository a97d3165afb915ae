"""Will our mail arrive: what the DNS says of the sending domains, judged as receivers judge it; nothing is sent."""

from scheduler.operations.deliverability.checking import Sending, check
from scheduler.operations.deliverability.dkim import Selector
from scheduler.operations.deliverability.resolver import DnsResolver, LookupFailed, Resolver
from scheduler.operations.deliverability.verdict import Verdict

__all__ = ["DnsResolver", "LookupFailed", "Resolver", "Selector", "Sending", "Verdict", "check"]
