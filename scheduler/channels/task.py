"""Tasks for the people of the shop: calls, postcards, things done by hand; the task's row is the ledger's business."""

from __future__ import annotations

from scheduler.channels.base import Mark, Message, Receipt


class TaskChannel:
    """Hands a message to a colleague instead of a server.

    Nothing leaves the house: whoever records the outcome writes the task in the same transaction (`creates_task`), so
    a task exists exactly once.
    """

    creates_task = True

    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, message: Message, mark: Mark) -> Receipt:
        """Await `mark`; the task then exists as soon as the outcome is recorded."""
        await mark()
        return Receipt(provider_id=message.key, detail="task for the staff")

    async def close(self) -> None:
        """Do nothing: there is no connection."""
