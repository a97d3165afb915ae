"""Renewing the tokens of accounts: asks the channels that can, once a day; none of it holds up a message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from scheduler.channels.base import Channel, Renewed, Renews
from scheduler.errors import DeliveryError

_SECONDS = 120.0  # one channel with all its accounts
_log = logging.getLogger(__name__)


async def renew(channels: Mapping[str, Channel]) -> list[Renewed]:
    """Let every channel that can renew what is due; return how each account stands. What fails is logged."""
    found: list[Renewed] = []
    for name, channel in sorted(channels.items()):
        if not isinstance(channel, Renews):
            continue
        try:
            async with asyncio.timeout(_SECONDS):
                found += await channel.renew()
        except DeliveryError as error:
            _log.warning("the tokens of %s were not renewed: %s", name, error.message)
        except TimeoutError:
            _log.warning("the tokens of %s were not renewed: no answer in time", name)
        except Exception as error:  # the outermost edge of a channel: no renewal may end the daemon
            _log.error("the tokens of %s were not renewed: %s", name, type(error).__name__)
    return found
