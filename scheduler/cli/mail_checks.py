"""What `campaign doctor` says of mail: the server's log-in, our keys, and the DNS of every domain that sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from campaigns.errors import CampaignError
from scheduler.cli import database
from scheduler.cli.check import Check
from scheduler.cli.options import Session

if TYPE_CHECKING:
    from campaigns.definition.campaign import Senders
    from scheduler.operations.deliverability import Selector, Sending
    from scheduler.settings import Settings

_SIGNS = {"ok": "✓", "warning": "!", "error": "✗"}
_WAIT_SECONDS = 10
# What a provider proves itself by when it tells what came back; Amazon SES writes to the bounce address instead.
_PROOFS = {"postmark": "webhook_password", "resend": "webhook_secret"}


def log_in(session: Session) -> Iterator[Check]:
    """Check the log-in at the mail server; no message is sent."""
    settings = database.settings(session)
    if settings.email_provider is not None:
        yield from _provider(settings)
        return
    if settings.smtp_url is None:
        remedy = "set CAMPAIGN_SMTP_URL, e.g. smtp+starttls://user@mail.example:587"
        yield Check("mail", "!", "no mail server: mails are held", remedy)
        return
    import asyncio

    from scheduler.channels.email.server import Timeouts
    from scheduler.channels.email.smtp import EmailChannel

    channel = EmailChannel.from_settings(settings, timeouts=Timeouts(connect=_WAIT_SECONDS, command=_WAIT_SECONDS))
    server = asyncio.run(channel.check())
    yield Check("mail", "✓", f"{server} takes our log-in (nothing was sent)")


def _provider(settings: Settings) -> Iterator[Check]:
    """Name the provider that mails go by, whose account can be read; it is not asked, keys that only send may not."""
    from scheduler.channels.email.providers.channel import provider_of

    yield Check("mail", "✓", f"{provider_of(settings).place}: its account is complete (it was not asked)")
    if settings.dkim is not None and settings.dkim.key is not None:
        yield Check(
            "dkim", "!", "our own key signs nothing: a provider signs what it sends", "name its selector without a key"
        )


def returns(session: Session) -> Iterator[Check]:
    """Say whether a provider can tell what came back of the mails it took; without one, nothing."""
    settings = database.settings(session)
    name = settings.email_provider or ""
    if name not in _PROOFS:
        return
    if _PROOFS[name] not in settings.account(name):
        remedy = f"set CAMPAIGN_ACCOUNTS__{name.upper()}__{_PROOFS[name].upper()}, and tell {name} the address"
        yield Check("bounces", "!", f"{name} cannot tell which mails came back: nobody's mail is ever stopped", remedy)
    elif settings.public_url is None:
        remedy = "set CAMPAIGN_PUBLIC_URL, and open the doors: campaign run --ui"
        yield Check("bounces", "!", f"{name} has no address to tell which mails came back", remedy)
    else:
        yield Check("bounces", "✓", f"{name} tells which mails came back at {settings.public_url}/in/email/{name}")


def domains(session: Session) -> Iterator[Check]:
    """Look up what the DNS says of each domain the project's campaigns send from; without a way to send, nothing."""
    settings = database.settings(session)
    if settings.smtp_url is None and settings.email_provider is None and settings.dkim is None:
        return
    from scheduler.operations.deliverability import DnsResolver, check

    selectors = _selectors(settings)
    if selectors and all(selector.kind == "ed25519" for selector in selectors):
        yield Check("dkim", "!", "only Ed25519 signs, which some providers cannot verify", "add an RSA key beside it")
    resolver = DnsResolver(settings.nameserver)
    told: set[tuple[str, str]] = set()
    for sending in _sendings(session, settings, selectors):
        for verdict in check(sending, resolver):
            # Campaigns that share a domain, a bounce address or a silent name server are told of it once.
            if (verdict.level, verdict.message) not in told:
                told.add((verdict.level, verdict.message))
                yield Check(verdict.name, _SIGNS[verdict.level], verdict.message, verdict.remedy)


def _selectors(settings: Settings) -> tuple[Selector, ...]:
    """Return the selectors to look up; raises SchedulerError for a key that cannot be used."""
    if settings.dkim is None:
        return ()
    from scheduler.channels.email import dkim
    from scheduler.operations.deliverability import Selector

    domain = dkim.domain_of(settings.dkim)
    ours = {key.selector: Selector(key.selector, domain, key.name, key.public) for key in dkim.load(settings.dkim)}
    named = (settings.dkim.selector, settings.dkim.second_selector)
    return tuple(ours.get(name) or Selector(name, domain) for name in named if name is not None)


def _sendings(session: Session, settings: Settings, selectors: tuple[Selector, ...]) -> Iterator[Sending]:
    """Return how each campaign of the project sends, each way once; a file that cannot be read is told by `files`."""
    from scheduler.channels.email import address
    from scheduler.channels.email.server import SmtpServer
    from scheduler.operations.deliverability import Sending

    bounces = address.mailbox(settings.bounce_address).domain if settings.bounce_address else None
    server = SmtpServer.parse(settings.smtp_url.get_secret_value()).host if settings.smtp_url is not None else None
    found: dict[Sending, None] = {}
    for senders in _senders(session):
        if senders.email is None:
            continue
        author = address.parse(senders.email).domain
        replies = {address.parse(senders.reply_to).domain} if senders.reply_to is not None else set()
        answers = (author, *sorted(replies - {author}))
        by_provider = settings.email_provider is not None
        found[Sending(author, bounces or author, selectors, server, answers, by_provider)] = None
    yield from found


def _senders(session: Session) -> Iterator[Senders]:
    for path in session.project.campaign_files():
        try:
            yield session.project.load(path).campaign.senders
        except CampaignError:
            continue
