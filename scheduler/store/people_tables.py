"""The rows of people: how they are found, what is known of them, what they agreed to, and who is not written to.

Erasing somebody empties or deletes these rows; what was sent stays in the ledger's tables, which point at them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Double, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field

from scheduler.store.columns import BIGKEY, Row, id_column, json_column, moment_column


class Contact(Row, table=True):
    """A person. `email` is normalised lower case, `phone` E.164; free facts of the import are in `facts`."""

    __table_args__ = (Index("ix_contact_zone", "timezone"),)
    id: int | None = id_column()
    ref: str | None = Field(default=None, unique=True)  # the shop's own customer number
    email: str | None = Field(default=None, unique=True)
    phone: str | None = Field(default=None, unique=True)
    first_name: str = ""
    last_name: str = ""
    city: str = ""
    country: str = ""
    language: str = ""
    timezone: str = ""
    birthday: str | None = None  # ISO date
    facts: dict[str, Any] = json_column()
    created_at: datetime = moment_column(nullable=False)
    updated_at: datetime = moment_column(nullable=False)
    gone_at: datetime | None = moment_column()  # erased or merged: an empty row that history still points at
    merged_into: int | None = Field(default=None, sa_type=BIGKEY)  # who it is now: merged, or erased and come back


class ContactAlias(Row, table=True):
    """An address a contact had before, or had as another contact that was merged into it: it still finds them."""

    __tablename__ = "contact_alias"
    __table_args__ = (Index("ix_contact_alias_contact", "contact"),)
    kind: str = Field(primary_key=True)  # ref, email, phone
    value: str = Field(primary_key=True)
    contact: int = Field(sa_type=BIGKEY, foreign_key="contact.id")


class Forgotten(Row, table=True):
    """The opt-out of an address that was erased: found again by a keyed hash, which does not tell the address.

    For a while also the number of who had it (`people.forgotten`), as a scope of its own.
    """

    hash: str = Field(primary_key=True)  # HMAC-SHA-256 of kind and address by the database's pepper
    scope: str = Field(primary_key=True)
    reason: str
    at: datetime = moment_column(nullable=False)


class Wording(Row, table=True):
    """What people read when they agreed, word for word; kept once for all who read it."""

    __table_args__ = (UniqueConstraint("hash", "version", name="uq_wording"),)
    id: int | None = id_column()
    hash: str  # SHA-256 of the text
    version: str
    text: str


class ContactFact(Row, table=True):
    """The facts of a contact in every kind they can be read as, so that conditions on them are plain SQL.

    Written with the contact, by the reading rules of audience expressions. A list has a row an item; what is known and
    cannot be compared (a nested object, an empty item) has a row without readings. Columns of the contact that are
    compared as texts alone have none.
    """

    __tablename__ = "contact_fact"
    contact: int = Field(
        sa_column=Column(BIGKEY, ForeignKey("contact.id"), primary_key=True, autoincrement=False, nullable=False)
    )
    name: str = Field(primary_key=True)  # dots lead into nested facts
    item: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    text: str | None = None
    number: float | None = Field(default=None, sa_type=Double)
    day: str | None = None  # ISO date
    truth: bool | None = None


class Consent(Row, table=True):
    """Append-only: a consent given or taken back; the newest of a purpose counts.

    `proof` is what shows that it was they (the mail that was confirmed, and when); it is blanked with the person.
    """

    __table_args__ = (Index("ix_consent_contact", "contact", "purpose", "id"),)
    id: int | None = id_column()
    contact: int = Field(sa_type=BIGKEY, foreign_key="contact.id")
    purpose: str  # `marketing` (every channel) or `marketing:sms`
    given: bool
    at: datetime = moment_column(nullable=False)
    source: str = ""
    wording: int | None = Field(default=None, sa_type=BIGKEY)  # the row of what they read
    proof: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


class Suppression(Row, table=True):
    """Somebody who must not be written to; checked in the transaction of the attempt mark."""

    __table_args__ = (UniqueConstraint("contact", "scope", name="uq_suppression"),)
    id: int | None = id_column()
    contact: int = Field(sa_type=BIGKEY, foreign_key="contact.id")
    scope: str = "marketing"  # marketing, or all (bounced, erased)
    reason: str
    at: datetime = moment_column(nullable=False)


CONTACTS = Row.metadata.tables["contact"]
CONTACT_ALIASES = Row.metadata.tables["contact_alias"]
FORGOTTEN = Row.metadata.tables["forgotten"]
WORDINGS = Row.metadata.tables["wording"]
CONTACT_FACTS = Row.metadata.tables["contact_fact"]
CONSENTS = Row.metadata.tables["consent"]
SUPPRESSIONS = Row.metadata.tables["suppression"]
