"""How long the tokens of accounts last: what the settings say of them, and what is known of renewed ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from scheduler.channels.account import TOKEN_EXPIRES, name_of
from scheduler.errors import SchedulerError

if TYPE_CHECKING:
    from scheduler.channels.platforms.tokens import Keeper

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class TokenEnd:
    """When the token of an account ends: `account` is its name in the settings, `ends_at` aware UTC.

    A day in the settings counts from its beginning, for nobody knows the hour. `renewed`: the daemon has renewed it
    before, and does so again in time while it runs.
    """

    account: str
    ends_at: datetime
    renewed: bool = False

    @property
    def remedy(self) -> str:
        """What a person does about it."""
        setting = f"CAMPAIGN_ACCOUNTS__{self.account.upper()}__"
        return f"make a new one, set {setting}TOKEN and …TOKEN_EXPIRES"


def ends(accounts: Mapping[str, Mapping[str, SecretStr]], keeper: Keeper) -> tuple[TokenEnd, ...]:
    """Return when the tokens end of which that is known, by name of their account.

    A renewed token stands over the day in the settings. One that comes with another to renew it (Bluesky) is renewed
    whenever it is used, and has no end that matters. Raises: SchedulerError for a day that cannot be read.
    """
    found = []
    for name, fields in sorted(accounts.items()):
        token = fields["token"].get_secret_value().strip() if "token" in fields else ""
        kept = keeper.get(name)
        if (
            kept is not None
            and kept.expires_at is not None
            and not kept.refresh
            and kept.token != token  # else it could not be renewed yet, and its end is a guess
            and kept.source == hashlib.sha256(token.encode()).hexdigest()
        ):
            found.append(TokenEnd(name, kept.expires_at, renewed=True))
        elif (day := _day(name, fields)) is not None:
            found.append(TokenEnd(name, day))
    return tuple(found)


def end_of(known: Iterable[TokenEnd], channel: str, account: str | None) -> TokenEnd | None:
    """Return the end of the token that posts of a channel go by; None where nobody knows one.

    The account is found as `account.find` does: that of its name, else the only one of the channel.
    """
    by_name = {one.account: one for one in known}
    return by_name.get(name_of(channel, account)) or by_name.get(channel)


def _day(name: str, fields: Mapping[str, SecretStr]) -> datetime | None:
    text = fields[TOKEN_EXPIRES].get_secret_value().strip() if TOKEN_EXPIRES in fields else ""
    if not text:
        return None
    try:
        if not _DAY.match(text):
            raise ValueError
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        setting = f"CAMPAIGN_ACCOUNTS__{name.upper()}__{TOKEN_EXPIRES.upper()}"
        raise SchedulerError(f"cannot read {setting}: expected a day such as 2027-03-01") from None
