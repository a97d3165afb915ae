"""All limits and prices by name."""

from __future__ import annotations

from collections.abc import Mapping

from campaigns.limits.model import Limit, Price
from campaigns.limits.networks import (
    bluesky,
    facebook,
    instagram,
    linkedin,
    mastodon,
    slack,
    sms,
    telegram,
    threads,
    whatsapp,
    x,
)
from campaigns.limits.setting import Setting

LIMITS: tuple[Limit, ...] = (
    *facebook.LIMITS,
    *instagram.LIMITS,
    *threads.LIMITS,
    *mastodon.LIMITS,
    *bluesky.LIMITS,
    *linkedin.LIMITS,
    *x.LIMITS,
    *telegram.LIMITS,
    *whatsapp.LIMITS,
    *sms.LIMITS,
    *slack.LIMITS,
)
PRICES: tuple[Price, ...] = x.PRICES
_BY_NAME = {one.name: one for one in LIMITS}
_PRICE_BY_NAME = {one.name: one for one in PRICES}

# What an author may set; the formats of pictures are no numbers.
NAMES: tuple[str, ...] = tuple(
    sorted([*(one.name for one in LIMITS if not one.formats), *(one.name for one in PRICES)])
)


def limit(name: str, settings: Mapping[str, Setting]) -> Limit:
    """Return the limit of this name as the author has set it. Raises: KeyError."""
    return _BY_NAME[name].set_to(settings.get(name))


def of(channel: str, settings: Mapping[str, Setting]) -> tuple[Limit, ...]:
    """Return the limits of a channel as the author has set them; none of a channel without any."""
    return tuple(one.set_to(settings.get(one.name)) for one in LIMITS if one.channel == channel)


def price(name: str, settings: Mapping[str, Setting]) -> Price:
    """Return the price of this name as the author has set it. Raises: KeyError."""
    return _PRICE_BY_NAME[name].set_to(settings.get(name))
