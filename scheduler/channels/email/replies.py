"""What a mail server's words mean for the person, the message and us: one table, for SMTP replies and for bounces.

The same code means different things at different providers, so text is asked before codes: Gmail says 5.2.1 of a
disabled account and of one that receives too fast, Yahoo says 421 of what it will never take.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple


class ReplyClass(StrEnum):
    """What became of a message, and whose doing it is."""

    ACCEPTED = "accepted"
    DEAD_ADDRESS = "dead_address"  # nobody is there: suppress the address
    MAILBOX_FULL = "mailbox_full"  # somebody is there and cannot take more: not this time
    RATE_LIMITED = "rate_limited"  # we, or everybody, write to them too fast: later, and slower
    GREYLISTED = "greylisted"  # the first try of a stranger is put off: later
    TEMPORARY = "temporary"  # later
    POLICY = "policy"  # our authentication or reputation: nobody's address is at fault, pause and mend
    SENDER_REFUSED = "sender_refused"  # our log-in, our address or our right to relay: pause and mend
    MESSAGE_TOO_BIG = "message_too_big"  # this message, not its reader
    CONTENT_REFUSED = "content_refused"  # this message, not its reader
    PERMANENT_OTHER = "permanent_other"  # never, for a reason that says nothing about the address

    @property
    def is_later(self) -> bool:
        """Whether the same message may be taken another time."""
        return self in _LATER

    @property
    def is_ours(self) -> bool:
        """Whether we are at fault, whoever the message was for: pause, and suppress nobody."""
        return self in _OURS


_LATER = frozenset({ReplyClass.RATE_LIMITED, ReplyClass.GREYLISTED, ReplyClass.TEMPORARY})
_OURS = frozenset({ReplyClass.POLICY, ReplyClass.SENDER_REFUSED})


class _Rule(NamedTuple):
    """Words that tell what a reply means when it is final (5yz); `later` is what they mean in a 4yz."""

    words: re.Pattern[str]
    final: ReplyClass
    later: ReplyClass = ReplyClass.TEMPORARY


def _rule(words: str, final: ReplyClass, later: ReplyClass = ReplyClass.TEMPORARY) -> _Rule:
    return _Rule(re.compile(words, re.IGNORECASE), final, later)


_C = ReplyClass

# The first that matches decides.
_TEXTS = (
    # Yahoo's 421: it says "try again" by code and "never" in words, of our address and not of the reader's.
    _rule(r"permanently deferred|retrying will not succeed", _C.POLICY, _C.POLICY),
    # Gmail, 4.2.1 and 5.2.1: the account gets more than it may, from everybody together.
    _rule(r"receiving (?:mail|messages?) (?:at a rate|too quickly)", _C.RATE_LIMITED, _C.RATE_LIMITED),
    _rule(r"\bgr[ea]y-?list", _C.PERMANENT_OTHER, _C.GREYLISTED),
    # One reader's own rules; must stand before what sounds alike and is said to everybody.
    _rule(
        r"permissions? to (?:send|submit) to th(?:is|e) recipient|not authenticated to send|RESOLVER\.RST"
        r"|delivery not authorized|recipient has (?:rejected|blocked)|only accepts? (?:mail|messages) from",
        _C.PERMANENT_OTHER,
    ),
    _rule(
        r"sending limit|sending (?:rate|quota)|(?:daily|hourly) (?:message |user |email )*(?:quota|limit)|throttl"
        r"|rate[ -]?limit|too many (?:connections|concurrent|messages|e?mails|sessions)|unusual rate"
        r"|unexpected volume|too (?:fast|much mail|quickly)",
        _C.RATE_LIMITED,
        _C.RATE_LIMITED,
    ),
    # Our own account may send no more for now, often said as if for good, and in the words of a mailbox that is full:
    # cPanel, Plesk, Microsoft 365, GoDaddy, DreamHost, Zoho, policy daemons beside Postfix.
    _rule(
        r"(?:e-?mails|messages|recipients|defers)[^.;]{0,30} per (?:hour|day|minute)"
        r"|(?:send|sending|submission|relay|outgoing|outbound|outmail|message count) ?(?:quota|limit)"
        r"|policy rejection[- ;]+(?:message count )?quota|(?:limit|number)[^.;]{0,30} outgoing (?:e-?mails|messages)"
        r"|maximum number of (?:e-?mails|messages)|reached your (?:\w+ )?limit|unusual sending|mail rate",
        _C.RATE_LIMITED,
        _C.RATE_LIMITED,
    ),
    # Our account was stopped, or our greeting is not one they take: Amazon SES, Microsoft 365, SendGrid, Postfix, Exim.
    _rule(
        r"sending (?:is |was )?(?:paused|suspended|disabled)|spam abuse detected|bad outbound sender|verified sender"
        r"|unauthenticated senders|sender domain is not validated|configuration set|helo command|invalid helo",
        _C.SENDER_REFUSED,
    ),
    _rule(
        r"\b(?:spf|dkim|dmarc|arc)\b|unauthenticated|authentication level|\bptr\b|reverse dns|rdns",
        _C.POLICY,
        _C.RATE_LIMITED,
    ),
    _rule(
        r"block ?list|black ?list|\brbl\b|\bdnsbl\b|spamhaus|spamcop|barracuda|proofpoint|cloudmark|\bS31[45]0\b"
        r"|banned sending ip|low reputation|poor reputation|bad reputation|user complaints",
        _C.POLICY,
        _C.RATE_LIMITED,
    ),
    _rule(
        r"relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted|prohibited|not allowed)|unable to relay"
        r"|not permitted to relay|relaying",
        _C.SENDER_REFUSED,
    ),
    _rule(
        r"(?:authentication|log-?in) (?:is )?required|must (?:authenticate|issue a starttls)|SendAsDenied"
        r"|\bnot owned by"
        r"|sender (?:address |domain )?(?:rejected|denied|refused)|sender verif|address(?:es)? (?:is|are) not verified"
        r"|not allowed to send (?:as|from)",
        _C.SENDER_REFUSED,
    ),
    # Our domain is not in the DNS, or they cannot see it there: sendmail, qmail, and United Internet's "mailbox
    # unavailable: invalid DNS MX", in the very words that others have for a reader who is not there.
    _rule(
        r"(?<!\bto )(?<!\bto the )\bsender\b(?:(?!recipient|user|account)(?:[^.,;:]|\.(?=\w))){0,80}?"
        r"(?:\bexist\b|not found|resolv|unknown|\bis (?:not |in)valid)"
        r"|(?:unknown|invalid) (?:envelope )?sender|invalid DNS (?:MX|A)\b",
        _C.SENDER_REFUSED,
    ),
    _rule(
        r"\bspam|\bvirus|malware|phish|unsolicited|(?:message|mail) content|content (?:rejected|refused|filter)"
        r"|because its content|banned attachment|suspicious",
        _C.CONTENT_REFUSED,
    ),
    _rule(
        r"(?:message|mail)(?: file| header)? (?:size|length)|message (?:is )?too (?:big|large|long)"
        r"|maximum (?:allowed )?(?:message )?size|exceeds? (?:the )?(?:fixed |maximum )?(?:size|message)",
        _C.MESSAGE_TOO_BIG,
    ),
    _rule(
        r"(?:mail ?box|inbox|in-box|quota|account)[^.]{0,30} (?:is )?(?:full|exceeded)|over[ -]?quota"
        r"|exceed\w* (?:\w+ ){0,3}quota|quota exceed|out of storage|(?:mailbox|user) (?:is )?over",
        _C.MAILBOX_FULL,
        _C.MAILBOX_FULL,
    ),
    _rule(
        r"(?:no such|unknown|invalid|unrecognized|nonexistent|non-existent) (?:\w+ )?"
        r"(?:user|recipients?|mail ?box|address|account|person|local part)"
        r"|(?:user|recipient|mail ?box|address|account|addressee)\b[^.;]{0,60}? (?:unknown|not found|not exist|disabled"
        r"|inactive|suspended|not listed|no longer (?:available|active|exists|valid))"
        r"|(?:does not|doesn't|not) (?:have an? \S+ account|exist)|no mailbox (?:here )?by that name"
        r"|mailbox (?:is )?(?:unavailable|not available)|RecipNotFound|recipient address rejected: access denied"
        r"|nobody (?:here|by that name)|unrouteable address|domain (?:\S+ )?(?:not found|does not exist)",
        _C.DEAD_ADDRESS,
    ),
)

# RFC 3463 and the registry of enhanced codes, by what follows the class; the longest key that fits decides.
_ENHANCED = {
    "1.1": _C.DEAD_ADDRESS,
    "1.2": _C.DEAD_ADDRESS,
    "1.3": _C.DEAD_ADDRESS,
    "1.6": _C.DEAD_ADDRESS,
    "1.10": _C.DEAD_ADDRESS,  # RFC 7505: the domain says that it takes no mail
    "1.7": _C.SENDER_REFUSED,
    "1.8": _C.SENDER_REFUSED,
    "2.1": _C.DEAD_ADDRESS,
    "2.2": _C.MAILBOX_FULL,
    "2.3": _C.MESSAGE_TOO_BIG,
    "3.4": _C.MESSAGE_TOO_BIG,
    "4.4": _C.DEAD_ADDRESS,  # Postfix of a domain that is not in the DNS
    "4.5": _C.RATE_LIMITED,  # Google Workspace: the day's limit
    "4.310": _C.DEAD_ADDRESS,  # Exchange Online of a domain that is not in the DNS
    "6": _C.CONTENT_REFUSED,
    "7": _C.POLICY,
    "7.8": _C.SENDER_REFUSED,
    "7.9": _C.SENDER_REFUSED,
    "7.123": _C.PERMANENT_OTHER,  # Exchange Online: whom a group or a room takes mail from
    "7.124": _C.PERMANENT_OTHER,
    "7.129": _C.PERMANENT_OTHER,
    "7.133": _C.PERMANENT_OTHER,
    "7.134": _C.PERMANENT_OTHER,
    "7.135": _C.PERMANENT_OTHER,
    "7.136": _C.PERMANENT_OTHER,
}

# RFC 5321 4.2.3, 4954 and 7504; what is not here is final and says nothing of the address.
_CODES = {
    521: _C.DEAD_ADDRESS,
    530: _C.SENDER_REFUSED,
    534: _C.SENDER_REFUSED,
    535: _C.SENDER_REFUSED,
    538: _C.SENDER_REFUSED,
    551: _C.DEAD_ADDRESS,
    552: _C.MAILBOX_FULL,
    556: _C.DEAD_ADDRESS,
}

# Whose names say nothing of a failure: a reader may well be called `spamer` or live at `arc.net.au`.
_NAMES = re.compile(r"<?[^\s<>;,\"]{1,64}@[^\s<>;,\"]{1,255}>?|(?:(?<=\bdomain )|(?<=\bname=))[\w-]+(?:\.[\w-]+)+")

# Where to read more: a page of a filter's maker says nothing against us beside a code that tells of a dead address.
_PAGES = re.compile(r"https?://\S+", re.IGNORECASE)

_LEADING = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?=[\s:,;]|\Z)")
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\Z")


def enhanced_code(text: str) -> str | None:
    """Return the enhanced status code that a reply's text begins with (RFC 2034), such as `5.1.1`."""
    found = _LEADING.match(text)
    return found[1] if found is not None else None


def is_of_mailbox(text: str) -> bool:
    """Whether a reply's enhanced code says that it is about the reader's mailbox (RFC 3463 section 3.3)."""
    return (enhanced_code(text) or "").split(".")[1:2] == ["2"]


def classify(code: int | None, enhanced: str | None, text: str) -> ReplyClass:
    """Return what a reply means; `code` is SMTP's of three digits, `enhanced` such as `5.1.1` (RFC 3463).

    Either may be missing, as they do in bounces: an enhanced code that stands first in `text` is found there. Of two
    that disagree on now or never the SMTP code is right. A code that is about the sender (5.1.7, 5.1.8) stands over
    words of a dead address. What cannot be read at all is TEMPORARY: nobody is blamed.
    """
    found = _STATUS.match((enhanced or enhanced_code(text) or "").strip())
    kind = code // 100 if code is not None else int(found[1]) if found is not None else 0
    if kind in (2, 3):
        return ReplyClass.ACCEPTED
    final = kind == 5
    if kind not in (4, 5):
        return ReplyClass.TEMPORARY
    detail = found[2] + "." + found[3] if found is not None else ""
    meaning = _ENHANCED.get(detail) or _ENHANCED.get(detail.partition(".")[0])
    plain = _NAMES.sub("<>", " ".join(text.split()))
    rule = _rule_for(_PAGES.sub("", plain) if meaning is _C.DEAD_ADDRESS else plain)
    if rule is not None and not (rule.final is _C.DEAD_ADDRESS and meaning is _C.SENDER_REFUSED):
        return rule.final if final else rule.later
    if not final:
        if meaning is ReplyClass.MAILBOX_FULL:
            return meaning
        return ReplyClass.RATE_LIMITED if detail.startswith("7.") else ReplyClass.TEMPORARY
    if meaning is not None:
        return meaning
    if found is not None and detail not in ("0.0", "5.0"):
        return ReplyClass.PERMANENT_OTHER
    return _CODES.get(code or 0, ReplyClass.PERMANENT_OTHER)


def _rule_for(plain: str) -> _Rule | None:
    return next((rule for rule in _TEXTS if rule.words.search(plain)), None)
