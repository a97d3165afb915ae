"""The channel of rehearsals: it keeps what it is given; nothing leaves the process."""

from __future__ import annotations

from scheduler.channels.base import Mark, Message, Receipt


class RecordingChannel:
    """Stands for the channel `name` in a rehearsal; `messages` holds what was sent, in the order it was."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.messages: list[Message] = []

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Await `mark` and keep the message."""
        await mark()
        self.messages.append(message)
        return Receipt(provider_id=message.key, detail="recorded")

    async def close(self) -> None:
        """Do nothing: there is no connection, and what was recorded stays."""
