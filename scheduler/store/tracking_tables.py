"""The rows of what readers of mails did: where links lead, and which were followed; see `tables` for the others."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from scheduler.store.columns import BIGKEY, Row, id_column, moment_column


class Link(Row, table=True):
    """Where a link of a touch leads: written once, before the first mail that bears it is sent, and never changed."""

    __table_args__ = (UniqueConstraint("campaign", "touch", "hash", name="uq_link"),)
    campaign: str = Field(primary_key=True)
    touch: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})  # from 1
    hash: str  # SHA-256 of the destination, which may be too long for an index
    destination: str


class Hit(Row, table=True):
    """A link of a mail was followed, or its picture fetched; no address and no program of the reader is kept.

    `link` is its number, 0 the picture, -1 the link that no reader sees. One row for each within `slot`, which is ten
    seconds. `seen` is what the request alone said of who it was, empty where it might be a reader; `kind` is what it
    was taken for once everything around it was known, empty until then.
    """

    __table_args__ = (
        UniqueConstraint("delivery", "link", "slot", name="uq_hit"),
        Index("ix_hit_unjudged", "at", sqlite_where=text("kind = ''"), postgresql_where=text("kind = ''")),
    )
    id: int | None = id_column()
    delivery: int = Field(sa_type=BIGKEY, foreign_key="delivery.id")
    link: int
    slot: int = Field(sa_type=BIGKEY)
    at: datetime = moment_column(nullable=False)
    seen: str = ""
    kind: str = ""


LINKS = Row.metadata.tables["link"]
HITS = Row.metadata.tables["hit"]
