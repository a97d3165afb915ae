"""What the rules may know beside the campaign and its timeline: a frozen value that somebody else gathered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.finding import Finding
from campaigns.limits.media import MediaFacts
from campaigns.lint.letter import Letter
from campaigns.lint.posting import Posting


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about the project and its people; None means that nobody looked, so a rule cannot be checked.

    `files` are the paths inside the project, with "/" between folders. `channels` are those with an account or a server
    to send by. `recipients` counts for each touch the people it would reach now, `contact_fields` names the facts that
    contacts have. `approved` are the touches whose present content was approved. `letters` are mails as
    their readers would get them; the rules about mails are run where there are some. `postings` are posts, SMS and
    WhatsApp messages as they would go, `media` what is known of each file they carry; the limits of the networks are
    held against them where there are some. `findings` are those of other checks, templates above all; they are passed
    on.
    """

    files: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    public_url: str | None = None
    recipients: Mapping[str, int] | None = None
    contact_fields: frozenset[str] | None = None
    approved: frozenset[str] | None = None
    letters: tuple[Letter, ...] | None = None
    postings: tuple[Posting, ...] | None = None
    media: Mapping[str, MediaFacts] | None = None
    findings: tuple[Finding, ...] = field(default=())
