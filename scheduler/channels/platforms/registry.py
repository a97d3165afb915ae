"""Which platforms there are, and which of them have an account here; each is imported when it has one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the HTTP client comes with them, and who asks for names alone does without
    from pydantic import SecretStr

    from scheduler.channels.base import Channel
    from scheduler.channels.platforms.base import Platform
    from scheduler.channels.platforms.media import MediaFolder
    from scheduler.channels.platforms.tokens import Keeper
    from scheduler.clock import Clock

# The class of each channel, and the module of this package that it stands in.
PLATFORMS: dict[str, tuple[str, str]] = {
    "bluesky": ("bluesky", "BlueskyChannel"),
    "mastodon": ("mastodon", "MastodonChannel"),
    "facebook": ("facebook", "FacebookChannel"),
    "instagram": ("instagram", "InstagramChannel"),
    "linkedin": ("linkedin", "LinkedInChannel"),
    "slack": ("slack", "SlackChannel"),
    "sms": ("twilio", "TwilioChannel"),
    "telegram": ("telegram", "TelegramChannel"),
    "threads": ("threads", "ThreadsChannel"),
    "whatsapp": ("whatsapp", "WhatsAppChannel"),
    "x": ("x", "XChannel"),
}


def platform(channel: str) -> type[Platform[Any]]:
    """Return the class that carries a channel."""
    module, name = PLATFORMS[channel]
    found: type[Platform[Any]] = getattr(import_module(f"scheduler.channels.platforms.{module}"), name)
    return found


def accounts_of(channel: str, accounts: Collection[str]) -> tuple[str, ...]:
    """Return the accounts of a channel: those whose name is the channel's, or begins with it and `_`."""
    return tuple(name for name in accounts if name == channel or name.startswith(f"{channel}_"))


def reached(accounts: Collection[str]) -> tuple[str, ...]:
    """Return the platforms that have an account."""
    return tuple(channel for channel in PLATFORMS if accounts_of(channel, accounts))


def made(
    accounts: Mapping[str, Mapping[str, SecretStr]], clock: Clock, *, keeper: Keeper, media: MediaFolder
) -> dict[str, Channel]:
    """Return the platforms that have an account."""
    return {
        channel: platform(channel)(accounts, clock, keeper=keeper, media=media) for channel in reached(tuple(accounts))
    }
