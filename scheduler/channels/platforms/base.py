"""What the platforms share: an account's settings and connections, made when they are first needed and kept."""

from __future__ import annotations

import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Generic, TypeVar

from pydantic import SecretStr

from scheduler.channels import account
from scheduler.channels.account import Account
from scheduler.channels.base import Mark, Message, Receipt
from scheduler.channels.platforms.media import MediaFolder
from scheduler.channels.platforms.tokens import Keeper, MemoryKeeper
from scheduler.channels.platforms.web import Web
from scheduler.clock import Clock
from scheduler.errors import NoAccount, Refused, SchedulerError


@dataclass(slots=True)
class Access:
    """One account as it is spoken for: its name in the settings, and the client that bears its credentials."""

    name: str
    web: Web


A = TypeVar("A", bound=Access)


def hung_on(network: str, named: str, form: re.Pattern[str]) -> str:
    """Return the name of a post that a message hangs on, once it is one of this network's.

    Raises: Refused for what is no such name: the post was put there by hand, or by a channel that it has left since.
    """
    if not form.match(named):
        said = f"{named!r} is no post of {network}'s" if named else f"nobody knows what {network} calls that post"
        raise Refused(f"it cannot be hung on its post: {said}", remedy="put it there by hand")
    return named


class Platform(ABC, Generic[A]):
    """A channel over HTTP, for any number of accounts.

    `accounts` holds their fields by name (`CAMPAIGN_ACCOUNTS__<CHANNEL>_<NAME>__<FIELD>`, or `<CHANNEL>` alone where
    there is one), `keeper` what is renewed of them, `media` finds pictures and videos. `tls` replaces the system's
    certificates. `seconds` is how long one request may take; `connect` hands it on to `Web`.
    """

    name: str
    fields: ClassVar[tuple[str, ...]]  # of an account; the first is the one it cannot do without

    def __init__(
        self,
        accounts: Mapping[str, Mapping[str, SecretStr]],
        clock: Clock,
        *,
        keeper: Keeper | None = None,
        media: MediaFolder | None = None,
        tls: ssl.SSLContext | None = None,
        seconds: float = 30,
    ) -> None:
        self._accounts = accounts
        self._seconds = seconds
        self._clock = clock
        self._keeper = keeper or MemoryKeeper()
        self._tls: Callable[[], ssl.SSLContext] = cache(lambda: tls or ssl.create_default_context())
        self._media = media or MediaFolder(None, tls=self._tls)
        self._open: dict[str, A] = {}

    @abstractmethod
    def connect(self, fields: Account, name: str) -> A:
        """Return the access to an account whose fields these are. Raises SchedulerError where one cannot be used."""

    @abstractmethod
    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Send one message, as `Channel.send` says."""

    async def close(self) -> None:
        """Let go of all connections; the channel may be used again afterwards."""
        opened, self._open = self._open, {}
        for access in opened.values():
            await access.web.close()

    def access(self, message: Message) -> A:
        """Return the access to the account of a message. Raises: NoAccount where there is none that can be used."""
        return self.access_to(message.account)

    def access_to(self, named: str | None) -> A:
        """Return the access to an account as campaigns name it. Raises: NoAccount where it cannot be used."""
        name = account.name_of(self.name, named)
        if name not in self._open:
            fields = account.find(self._accounts, self.name, named, self.fields)
            try:
                self._open[name] = self.connect(fields, name)
            except SchedulerError as error:
                raise NoAccount(error.message, remedy=error.remedy) from None
        return self._open[name]
