"""What `campaign doctor` says of accounts that the platforms were asked about: whose they are, and what they may do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from scheduler.cli import database
from scheduler.cli.check import Check
from scheduler.cli.options import Session
from scheduler.cli.wording import day
from scheduler.errors import DeliveryError, NotSent

if TYPE_CHECKING:
    from scheduler.channels.horizon import TokenEnd
    from scheduler.channels.platforms.base import Platform
    from scheduler.channels.platforms.identity import Identity

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One account of the settings, and what its platform said: who it is, or why not; None where it was not asked."""

    account: str
    said: Identity | DeliveryError | None


def ask(session: Session, *, billed: bool) -> tuple[Asked, ...]:
    """Ask the platform of every account, at the same time; where that costs money only when `billed`."""
    settings = database.settings(session)
    if not settings.accounts:
        return ()
    from scheduler import bootstrap
    from scheduler.channels.platforms import registry
    from scheduler.clock import SystemClock

    keeper = bootstrap.token_keeper(settings)
    channels = {
        name: registry.platform(name)(settings.accounts, SystemClock(), keeper=keeper, seconds=_SECONDS)
        for name in registry.reached(tuple(settings.accounts))
    }
    named = [
        (account, channel, account.removeprefix(channel.name).removeprefix("_") or None)
        for channel in channels.values()
        for account in registry.accounts_of(channel.name, settings.accounts)
    ]
    named.sort(key=itemgetter(0))

    async def everybody() -> tuple[Asked, ...]:
        try:
            return tuple(await asyncio.gather(*(_asked(*each, billed=billed) for each in named)))
        finally:
            for channel in channels.values():
                await channel.close()

    return asyncio.run(everybody())


async def _asked(account: str, channel: Platform[Any], name: str | None, *, billed: bool) -> Asked:
    from scheduler.channels.platforms import identity

    if channel.name in identity.BILLED and not billed:
        return Asked(account, None)
    try:
        async with asyncio.timeout(3 * _SECONDS):
            return Asked(account, await identity.ask(channel, name))
    except DeliveryError as error:
        return Asked(account, error)
    except TimeoutError:
        return Asked(account, NotSent("no answer in time"))


def told(asked: Sequence[Asked]) -> Iterator[Check]:
    """Say of every account that was asked about whose it is, and what stands in the way of posting."""
    for one in asked:
        match one.said:
            case None:
                costs = "not asked, for a look costs money there"
                yield Check("account", "✓", f"{one.account}: {costs}", "campaign doctor --billed")
            case NotSent() as error:
                yield Check("account", "!", f"{one.account}: {error.message}", error.remedy)
            case DeliveryError() as error:
                yield Check("account", "✗", f"{one.account}: {error.message}", error.remedy)
            case said:
                yield from _identified(one.account, said)


def ends(asked: Sequence[Asked]) -> tuple[TokenEnd, ...]:
    """Return when tokens end, of which a platform said so."""
    from scheduler.channels.horizon import TokenEnd
    from scheduler.channels.platforms.identity import Identity

    return tuple(
        TokenEnd(one.account, one.said.ends_at)
        for one in asked
        if isinstance(one.said, Identity) and one.said.ends_at is not None
    )


def _identified(account: str, said: Identity) -> Iterator[Check]:
    name = f"{account}: {said.who}" if said.who else account
    if said.missing:
        rights = ", ".join(said.missing)
        remedy = "grant that to the app, and make a new token"
        yield Check("account", "✗", f"{name}: it lacks {rights}", remedy)
        return
    words = [said.who, said.note]
    if said.data_ends_at is not None:
        words.append(f"reads until {day(said.data_ends_at.date(), year=True)}")
    yield Check(
        "account", "!" if said.warns else "✓", f"{account}: {', '.join(filter(None, words)) or 'it is known there'}"
    )
