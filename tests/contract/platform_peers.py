"""What the conformance suite needs of a platform: its far end on loopback, a channel to it, and what a reader there sees.

To join: a class in `peer_<platform>.py`, a line in PEERS.
"""

from __future__ import annotations

import dataclasses
import io
import ssl
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol

from PIL import Image
from pydantic import SecretStr
from support.http_peer import Reply, Request, http_peer

from campaigns.rendering import Content
from scheduler.channels.base import Channel, Message
from scheduler.channels.platforms.base import Platform
from scheduler.channels.platforms.media import MediaFolder
from scheduler.channels.platforms.tokens import MemoryKeeper
from scheduler.clock import VirtualClock

WENT = datetime(2027, 2, 11, 9, 0, tzinfo=UTC)
TEXT = "Le bouquet de la Saint-Valentin est là : jusqu’à dimanche 💐"

# The class of each platform, and the module beside this one that it stands in.
PEERS: dict[str, tuple[str, str]] = {
    "bluesky": ("peer_bluesky", "BlueskyPeer"),
    "mastodon": ("peer_mastodon", "MastodonPeer"),
    "slack": ("peer_slack", "SlackPeer"),
    "sms": ("peer_twilio", "TwilioPeer"),
    "telegram": ("peer_telegram", "TelegramPeer"),
    "facebook": ("peer_graph", "FacebookPeer"),
    "instagram": ("peer_graph", "InstagramPeer"),
    "linkedin": ("peer_linkedin", "LinkedInPeer"),
    "threads": ("peer_graph", "ThreadsPeer"),
    "whatsapp": ("peer_whatsapp", "WhatsAppPeer"),
    "x": ("peer_x", "XPeer"),
}


class Peer(Protocol):
    """One far end, freshly made for each test, and how it is spoken to.

    `name` is the channel's, `commit` the match (`support.fault_proxy.Fault`) of the request after which nothing can be
    taken back, `secrets` what may stand in no word of ours. `clock` is that of the channel and of the far end.
    """

    name: str
    commit: str
    secrets: tuple[str, ...]
    clock: VirtualClock

    def serve(self) -> AbstractAsyncContextManager[int]:
        """Serve the far end on a loopback port."""
        ...

    def channel(self, port: int, *, seconds: float = 5, **fields: str) -> Channel:
        """Return a new channel to the port, as after a restart: what is kept on disk is kept here."""
        ...

    def message(self, **changes: Any) -> Message:
        """Return what is sent: a text and, where the platform takes it, a picture."""
        ...

    def published(self) -> list[str]:
        """Return the texts that a reader of the platform would see, each as often as it stands there."""
        ...


def peer(name: str, folder: Path) -> Peer:
    """Return a new far end of this platform; its media lie in `folder`."""
    module, cls = PEERS[name]
    found: Peer = getattr(import_module(module), cls)(folder)
    return found


class PlatformPeer(ABC):
    """A far end that a fake plays, for a channel that is a `Platform`."""

    name: str
    commit: str
    secrets: tuple[str, ...]
    platform: ClassVar[type[Platform[Any]]]
    account: ClassVar[dict[str, str]]  # its fields, without the endpoint

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(WENT)
        self.keeper = MemoryKeeper()
        self.folder = folder
        (folder / "bouquet.png").write_bytes(picture())

    @property
    def commit_of_reply(self) -> str:
        """The match of the request after which a comment or a reply cannot be taken back."""
        return self.commit

    def hanging(self) -> list[tuple[str, str]]:
        """Return the texts of comments and replies, each with that of the post it hangs on."""
        raise NotImplementedError

    def emptied(self) -> None:
        """Take every post away, as somebody at the platform's own page would."""
        raise NotImplementedError

    @abstractmethod
    def answer(self, request: Request) -> Reply | Awaitable[Reply]:
        """Answer one request."""

    @abstractmethod
    def published(self) -> list[str]:
        """Return the texts that a reader would see."""

    def serve(self) -> AbstractAsyncContextManager[int]:
        """Serve the fake on a loopback port."""
        return http_peer(self.answer)

    def channel(self, port: int, *, seconds: float = 5, **fields: str) -> Channel:
        """Return a new channel with its one account, which leads to the port."""
        account = {**self.account, "endpoint": f"http://127.0.0.1:{port}", **fields}
        return self.platform(
            {self.name: {field: SecretStr(value) for field, value in account.items()}},
            self.clock,
            keeper=self.keeper,
            media=MediaFolder(self.folder),
            tls=tls(),
            seconds=seconds,
        )

    def message(self, **changes: Any) -> Message:
        """Return a post with a picture, due now."""
        usual = Message(
            delivery_id=1,
            key="0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            campaign="valentines",
            edition="2027",
            touch="bouquet",
            stage="awareness",
            channel=self.name,
            purpose="marketing",
            occurrence="once",
            created_at=WENT,
            due_at=WENT,
            content=Content("", TEXT, media=(("bouquet.png", "Un bouquet de roses"),)),
        )
        return dataclasses.replace(usual, **changes)


@cache
def tls() -> ssl.SSLContext:
    """Return one context for all channels: building it reads the system's certificates."""
    return ssl.create_default_context()


@cache
def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a small picture."""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 40, 60)).save(out, kind)
    return out.getvalue()
