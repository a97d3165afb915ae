"""The webhook channel: posts messages to the addresses of accounts; what the body says is in hook.py."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import httpx2
from pydantic import SecretStr

from scheduler.channels import egress, hook, posting
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.posting import Sending
from scheduler.clock import Clock, SystemClock
from scheduler.errors import NoAccount, NotSent, Refused, Unknown

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
_DEFAULT_ACCOUNT = "webhook"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a hook goes: `keys` sign it, the newest first; `private` allows addresses inside our own network."""

    url: httpx2.URL = field(repr=False)
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    private: bool = False


class WebhookChannel:
    """Posts messages as JSON to the account's URL.

    `accounts` holds per name `url`, `secret` (`whsec_` and base64; several for a change of keys, separated by spaces)
    and `allow_private`. A touch without an account uses the one named `webhook`. Redirects are not followed. The same
    message has the same id and body at every attempt, so that the receiver can tell a repeat.
    """

    name = "webhook"

    def __init__(
        self,
        accounts: Mapping[str, Mapping[str, SecretStr]],
        clock: Clock | None = None,
        *,
        timeout_seconds: float = 30,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._accounts = accounts
        self._clock = clock or SystemClock()
        self._timeout = timeout_seconds
        self._tls = cache(lambda: tls or ssl.create_default_context())
        self._client: httpx2.AsyncClient | None = None

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Post one message; `mark` is awaited on the open connection, before the first byte of the request."""
        endpoint = self._endpoint(account_key(message.account or _DEFAULT_ACCOUNT))
        body = hook.payload(message)
        if not message.key.isascii() or not message.key.isprintable():
            raise Refused(f"message key {message.key!r} cannot stand in a header")
        host = endpoint.url.host
        sending = Sending(mark, self._timeout)
        try:
            async with asyncio.timeout(self._timeout) as sending.limit:
                addresses = await egress.resolve(host, _port(endpoint.url), private=endpoint.private)
                response = await self._post(endpoint, addresses, message.key, body, sending)
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            if error is sending.failure:
                raise
            raise sending.verdict(host, error) from None
        with contextlib.suppress(httpx2.HTTPError, OSError):  # the status line said it all
            await response.aclose()
        return self._judge(host, response)

    async def close(self) -> None:
        """Let go of the client; the next `send` makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _endpoint(self, name: str) -> Endpoint:
        fields = next((value for key, value in self._accounts.items() if account_key(key) == name), None)
        setting = f"CAMPAIGN_ACCOUNTS__{name.upper()}__"
        if fields is None or not (text := _plain(fields, "url")):
            raise NoAccount(f"account {name!r} has no address to post to", remedy=f"set {setting}URL")
        try:
            url = httpx2.URL(text)
        except (httpx2.InvalidURL, ValueError):
            url = httpx2.URL()
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise NoAccount(
                f"cannot use the address of account {name!r}: expected http:// or https://, a host, no log-in",
                remedy=f"mend {setting}URL",
            )
        word = _plain(fields, "allow_private").lower()
        if word not in _TRUE | _FALSE:
            raise NoAccount(f"cannot read allow_private of account {name!r}: expected true or false, got {word!r}")
        try:
            keys = tuple(hook.read_secret(part) for part in _plain(fields, "secret").split())
        except ValueError as error:
            raise NoAccount(
                f"cannot use the secret of account {name!r}: {error}", remedy=f"mend {setting}SECRET"
            ) from None
        return Endpoint(url, keys, word in _TRUE)

    async def _post(
        self, endpoint: Endpoint, addresses: tuple[str, ...], key: str, body: bytes, sending: Sending
    ) -> httpx2.Response:
        """Post to the first address that takes the connection."""
        for address in addresses[:-1]:
            try:
                return await self._send(endpoint, address, key, body, sending)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._send(endpoint, addresses[-1], key, body, sending)

    async def _send(self, endpoint: Endpoint, address: str, key: str, body: bytes, sending: Sending) -> httpx2.Response:
        seconds = int(self._clock.now().timestamp())
        head = {
            "Host": endpoint.url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "campaign-sequencer",
            "webhook-id": key,
            "webhook-timestamp": str(seconds),
        }
        if endpoint.keys:
            head["webhook-signature"] = " ".join(hook.sign(secret, key, seconds, body) for secret in endpoint.keys)
        # The connection goes to the address that was checked; certificate and Host are those of the name.
        client = self._http()
        request = client.build_request(
            "POST",
            endpoint.url.copy_with(host=address),
            headers=head,
            content=body,
            extensions={"sni_hostname": endpoint.url.raw_host.decode("ascii"), "trace": sending.trace},
        )
        return await client.send(request, stream=True, follow_redirects=False)

    def _http(self) -> httpx2.AsyncClient:
        if self._client is None:
            # A kept connection may be dead without our knowing, and belongs to an address, not to a name.
            self._client = posting.client(self._tls(), self._timeout, httpx2.Limits(max_keepalive_connections=0))
        return self._client

    def _judge(self, host: str, response: httpx2.Response) -> Receipt:
        status = response.status_code
        if 200 <= status < 300:
            return Receipt(provider_id=response.request.headers["webhook-id"], detail=f"{status} from {host}")
        if status in (408, 425, 429):
            raise NotSent(
                f"{host} answered {status}: later",
                retry_at=posting.retry_at(self._clock.now(), response.headers.get("retry-after")),
            )
        if status >= 500:
            raise Unknown(f"{host} answered {status}: it may have taken the message")
        if status == 410:
            raise Refused(f"{host} answered 410: the endpoint is gone", remedy="remove the account or mend its URL")
        if 300 <= status < 400:
            raise Refused(f"{host} answered {status}: redirects are not followed", remedy="write the final URL")
        raise Refused(f"{host} answered {status}")


def account_key(name: str) -> str:
    """Return an account's name as the environment can spell it: lower case, underscores."""
    return name.strip().lower().replace("-", "_")


def _plain(fields: Mapping[str, SecretStr], name: str) -> str:
    value = fields.get(name)
    return value.get_secret_value().strip() if value is not None else ""


def _port(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
