"""The mail channel by a provider: posts each mail as its provider words it, and says what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import httpx2
from pydantic import SecretStr

from scheduler.channels import posting
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.email import mime
from scheduler.channels.email.blame import Blame
from scheduler.channels.email.mime import Mail
from scheduler.channels.email.providers.answers import Answer, Differs
from scheduler.channels.email.providers.base import Provider, Request
from scheduler.channels.email.providers.postmark import Postmark
from scheduler.channels.email.providers.resend import Resend
from scheduler.channels.email.providers.ses import Ses
from scheduler.channels.posting import Sending
from scheduler.clock import Clock, SystemClock
from scheduler.errors import DeliveryError, NoAccount, OurFault, Refused, Unknown

if TYPE_CHECKING:
    from scheduler.settings import Settings

PROVIDERS: dict[str, Callable[[Mapping[str, SecretStr]], Provider]] = {
    "postmark": Postmark,
    "resend": Resend,
    "ses": Ses,
}
_LARGEST_ANSWER = 65_536  # bytes: an id or an error is a few hundred
_KEPT_SECONDS = 5.0
_PAUSES = (1.0, 5.0)


def provider_of(settings: Settings) -> Provider:
    """Return the provider that the settings name. Raises SchedulerError where its account cannot be used."""
    assert settings.email_provider is not None
    return PROVIDERS[settings.email_provider](settings.account(settings.email_provider))


class ProviderChannel:
    """Posts mails to one provider over at most `connections` connections, each kept a few seconds for the next.

    Where the provider knows requests by their key, one with an unknown outcome is made again after each of `pauses`
    (seconds), within the same `send` and after the same mark; elsewhere never. `tls` replaces the system's
    certificates. Redirects are not followed: they would take the credentials along.
    """

    name = "email"

    def __init__(
        self,
        provider: Provider,
        *,
        connections: int = 4,
        timeout_seconds: float = 30,
        pauses: tuple[float, ...] = _PAUSES,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._provider = provider
        self._connections = connections
        self._timeout = timeout_seconds
        self._pauses = pauses
        self._tls = cache(lambda: tls or ssl.create_default_context())
        self._clock = clock or SystemClock()
        self._client: httpx2.AsyncClient | None = None
        self._blame = Blame()

    @classmethod
    def from_settings(cls, settings: Settings) -> ProviderChannel:
        """Return the channel of the configured provider; raises SchedulerError when its account cannot be used."""
        return cls(provider_of(settings), connections=settings.smtp_connections)

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Send one mail; `mark` is awaited on the open connection, before the first byte of the request.

        A mail refused for what we are stops its sender; when others were taken meanwhile it is that mail, and fails.
        """
        mail = _written(message)
        try:
            receipt = await self._deliver(message, mail, mark)
        except OurFault as error:
            raise self._blame.judge(message.key, message.sender, error) from None
        self._blame.took(message.sender)
        return receipt

    async def close(self) -> None:
        """Let go of the client; the next `send` makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _deliver(self, message: Message, mail: Mail, mark: Mark) -> Receipt:
        try:
            return await self._post(message, mail, mark)
        except Differs:
            raise
        except Unknown as error:
            if self._provider.keeps_keys:
                for seconds in self._pauses:
                    await asyncio.sleep(seconds)
                    # Whatever else is said now, it is not said of the first request: only a receipt is an answer.
                    with contextlib.suppress(DeliveryError):
                        return await self._post(message, mail, _marked)
            raise error

    async def _post(self, message: Message, mail: Mail, mark: Mark) -> Receipt:
        asked = self._provider.request(message, mail, self._clock.now())
        sending = Sending(mark, self._timeout)
        try:
            async with asyncio.timeout(self._timeout) as sending.limit:
                answer = await self._exchange(asked, sending)
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            if error is sending.failure:
                raise
            raise sending.verdict(self._provider.name, error) from None
        return self._provider.judge(answer)

    async def _exchange(self, asked: Request, sending: Sending) -> Answer:
        if self._client is None:
            limits = httpx2.Limits(
                max_connections=self._connections,
                max_keepalive_connections=self._connections,
                # Long enough for the next mail, and shorter than any provider lets a connection idle: one that they
                # close just as we write leaves a mail unknown.
                keepalive_expiry=_KEPT_SECONDS,
            )
            self._client = posting.client(self._tls(), self._timeout, limits)
        headers = {"User-Agent": "campaign-sequencer", "Accept-Encoding": "identity", **asked.headers}
        request = self._client.build_request(
            "POST", asked.url, headers=headers, content=asked.body, extensions={"trace": sending.trace}
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        return await posting.answer(response, self._clock.now(), most=_LARGEST_ANSWER)


def _written(message: Message) -> Mail:
    """Return the message as a mail that a provider can take. Raises Refused and NoAccount as `mime.build` does."""
    mail = mime.build(message)
    # Amazon SES and Postmark say so of themselves, and Resend sends through Amazon SES.
    if not mail.recipient.is_ascii:
        raise Refused("mail providers take no address with letters outside a-z before the @")
    if not (mail.sender.is_ascii and mail.return_path.is_ascii and mail.data.isascii()):
        raise NoAccount(
            "mail providers take no sender with letters outside a-z before the @",
            remedy="write another address in `senders:`",
        )
    return mail


async def _marked(handle: str = "") -> None:
    """Stand for a mark that was written already."""
