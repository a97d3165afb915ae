"""The rows of the store; only shapes, keys and indexes, no behaviour.

Moments are stored as aware UTC (`columns.Moment`), local wall time, zone and tz database version beside the planned
ones where they must be told again. The migrations make exactly this schema; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Double, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field

from scheduler.delivery import GONE, OPEN, WAITING, State
from scheduler.store import people_tables, tracking_tables, triggers
from scheduler.store.columns import BIGKEY, Row, id_column, index_where, json_column, moment_column, words


class Meta(Row, table=True):
    """Small facts of the database: `generation` (changes at every apply and event), `secret`, `instance`, `tzdata`."""

    key: str = Field(primary_key=True)
    value: str


class CampaignRow(Row, table=True):
    """A campaign that was applied: its state, and the revision in force."""

    __tablename__ = "campaign"
    id: str = Field(primary_key=True)  # the `campaign:` of the file
    state: str = "running"  # running, paused, cancelled
    paused_until: datetime | None = moment_column()
    revision: int = 0
    edition: str
    applied_at: datetime = moment_column(nullable=False)


class Edition(Row, table=True):
    """One year's run of a campaign: the reference moment every phrase is resolved from (DECISIONS 21)."""

    campaign: str = Field(primary_key=True)
    edition: str = Field(primary_key=True)
    reference_at: datetime = moment_column(nullable=False)
    budget: int | None = None  # how many messages `apply` authorised; None: as many as the plan needs
    spent: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # messages begun; kept only with a budget


class Revision(Row, table=True):
    """What one apply put in force: the whole definition and its templates, so that the daemon never reads YAML."""

    campaign: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    edition: str
    definition: dict[str, Any] = json_column()
    timeline: dict[str, Any] = json_column()  # diff.snapshot of the timeline it put in force
    templates: dict[str, str] = json_column()  # path -> source of every template the touches use
    source: str  # name of the file
    source_hash: str
    plan_hash: str
    tzdata: str
    project: str  # folder the file lay in; media paths count from it
    applied_at: datetime = moment_column(nullable=False)


class Occurrence(Row, table=True):
    """One moment of a calendar touch; fanned out into deliveries when it fires."""

    __table_args__ = (
        UniqueConstraint("campaign", "edition", "touch", "key", name="uq_occurrence"),
        Index("ix_occurrence_due", "state", "fires_at"),
    )
    id: int | None = id_column()
    campaign: str
    edition: str
    touch: str
    key: str  # once, or the nominal local date
    state: str = "planned"  # planned, open (fired; latecomers still join), closed, expired, cancelled
    reason: str = ""
    due_at: datetime = moment_column(nullable=False)  # in the campaign's zone; the earliest over all zones fires it
    fires_at: datetime = moment_column(nullable=False)
    earliest_at: datetime = moment_column(nullable=False)
    latest_at: datetime | None = moment_column()
    expires_at: datetime | None = moment_column()
    local: str = ""
    zone: str = ""


class TouchState(Row, table=True):
    """What a person decided about a touch, and when it first really went."""

    __tablename__ = "touch_state"
    campaign: str = Field(primary_key=True)
    edition: str = Field(primary_key=True)
    touch: str = Field(primary_key=True)
    paused: bool = False
    paused_until: datetime | None = moment_column()
    approved_hash: str | None = None  # the content hash an approval is bound to
    approved_at: datetime | None = moment_column()
    approved_note: str = ""
    rejected: bool = False
    first_sent_at: datetime | None = moment_column()


class EventRow(Row, table=True):
    """What a person did. `key` is the sender's idempotency key; the same key twice has one effect."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_contact", "contact", "name", "at"),)
    id: int | None = id_column()
    key: str = Field(unique=True)
    contact: int = Field(sa_type=BIGKEY, foreign_key="contact.id")
    name: str
    at: datetime = moment_column(nullable=False)
    received_at: datetime = moment_column(nullable=False)
    facts: dict[str, Any] = json_column()
    words: str = ""  # what `purchased('ring')` looks in: the values of segments.EVENT_FACTS, without case


class Run(Row, table=True):
    """A triggered touch started by an event for one person; ended by its goal, a move back or its last message."""

    __table_args__ = (
        UniqueConstraint("campaign", "edition", "touch", "contact", "key", name="uq_run"),
        Index("ix_run_open", "contact", "state"),
    )
    id: int | None = id_column()
    campaign: str
    edition: str
    touch: str
    stage: str
    contact: int = Field(sa_type=BIGKEY, foreign_key="contact.id")
    key: str  # DECISIONS 20: `cart=17`, else the event's key
    event: int = Field(sa_type=BIGKEY, foreign_key="event.id")
    state: str = "open"  # open, ended
    reason: str = ""
    started_at: datetime = moment_column(nullable=False)
    ended_at: datetime | None = moment_column()
    revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # 0: it follows the one in force


class StageEntry(Row, table=True):
    """Append-only: a person entered a stage of a campaign; the newest says where the person is."""

    __tablename__ = "stage_entry"
    __table_args__ = (Index("ix_stage_entry", "campaign", "edition", "contact", "id"),)
    id: int | None = id_column()
    campaign: str
    edition: str
    contact: int = Field(sa_type=BIGKEY, foreign_key="contact.id")
    stage: str
    at: datetime = moment_column(nullable=False)
    reason: str = ""


class Delivery(Row, table=True):
    """One message to one person or account. Written by `store/ledger.py` alone.

    `recipient` is `c<contact id>`, or `@<account>` for posts and hooks. `due_at` is the planned moment and never
    changes its key; `next_at` is when the row is looked at next (retries, quiet hours).
    """

    __table_args__ = (
        UniqueConstraint("campaign", "edition", "touch", "recipient", "occurrence", name="uq_delivery"),
        index_where("ix_delivery_due", "next_at", "id", states=WAITING),
        index_where(
            "ix_delivery_queue",  # what is found without walking past what cannot go: see `queues`
            "marketing",
            "campaign",
            "edition",
            "touch",
            "channel",
            "next_at",
            "id",
            states=WAITING,
        ),
        index_where("ix_delivery_expiry", "expires_at", states=frozenset({State.HELD})),
        index_where("ix_delivery_open", "state", states=OPEN - WAITING),
        Index("ix_delivery_contact", "contact"),
        index_where("ix_delivery_gone", "contact", states=GONE),
        Index(
            "ix_delivery_run",  # not the rows of a mailing, which have none
            "run",
            sqlite_where=text("run IS NOT NULL"),
            postgresql_where=text("run IS NOT NULL"),
        ),
        CheckConstraint(f"state IN ({words(frozenset(State))})", name="ck_delivery_state"),
    )
    id: int | None = id_column()
    campaign: str
    edition: str
    touch: str
    stage: str
    channel: str
    recipient: str
    contact: int | None = Field(default=None, sa_type=BIGKEY, foreign_key="contact.id")
    occurrence: str
    run: int | None = Field(default=None, sa_type=BIGKEY, foreign_key="run.id")
    marketing: bool = True
    state: str = State.PLANNED.value
    reason: str = ""
    due_at: datetime = moment_column(nullable=False)
    next_at: datetime = moment_column(nullable=False)
    expires_at: datetime | None = moment_column()
    on_late: str = "skip"  # what the dispatcher does after expires_at: skip (expired) or ask (held)
    attempts: int = 0
    worker: str | None = None
    lease_until: datetime | None = moment_column()
    sent_at: datetime | None = moment_column()
    provider_id: str = ""
    subject: str = ""
    updated_at: datetime = moment_column(nullable=False)
    revision: int | None = None  # whose definition this message follows; None: the one in force


class Attempt(Row, table=True):
    """One try at sending a delivery: the mark written before the irreversible byte, and the outcome after it."""

    __table_args__ = (
        UniqueConstraint("delivery", "number", name="uq_attempt"),
        Index(
            "uq_attempt_open",
            "delivery",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )
    id: int | None = id_column()
    delivery: int = Field(sa_type=BIGKEY, foreign_key="delivery.id")
    number: int
    key: str  # idempotency key, fixed at the first attempt
    content_hash: str
    created_at: datetime = moment_column(nullable=False)  # Date of the message, fixed at the first attempt
    started_at: datetime = moment_column(nullable=False)
    finished_at: datetime | None = moment_column()
    outcome: str | None = None  # the state it ended in
    detail: str = ""
    handle: str = Field(default="", sa_column_kwargs={"server_default": text("''")})  # what was made ready over there
    revision: int | None = None  # whose words it has; None: begun before that was kept


class Inquiry(Row, table=True):
    """What was asked of the far end about an attempt whose outcome nobody knew, and what it showed last.

    `next_at` is when it is asked again, None when a person decides; while somebody asks, when they are given up.
    """

    delivery: int = Field(
        sa_column=Column(BIGKEY, ForeignKey("delivery.id"), primary_key=True, autoincrement=False, nullable=False)
    )
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})  # of the attempt
    began_at: datetime = moment_column(nullable=False)  # the first look
    looks: int
    next_at: datetime | None = moment_column()
    looked_at: datetime = moment_column(nullable=False)
    found: str = ""  # sent, not sent, open; empty where there was no answer
    words: str = ""


class Task(Row, table=True):
    """Something a person of the shop has to do; the outcome shares the ledger's transaction."""

    __table_args__ = (UniqueConstraint("delivery", name="uq_task_delivery"),)
    id: int | None = id_column()
    delivery: int = Field(sa_type=BIGKEY, foreign_key="delivery.id")
    campaign: str
    touch: str
    channel: str
    contact: int | None = Field(default=None, sa_type=BIGKEY, foreign_key="contact.id")
    text: str
    due_at: datetime = moment_column(nullable=False)
    done_at: datetime | None = moment_column()
    note: str = ""


class Daemon(Row, table=True):
    """The daemons that hold this database, with their heartbeat."""

    id: str = Field(primary_key=True)
    pid: int
    host: str
    started_at: datetime = moment_column(nullable=False)
    heartbeat_at: datetime = moment_column(nullable=False)
    next_jobs: list[dict[str, str]] = json_column("[]")


class RateBucket(Row, table=True):
    """The tokens that a limit of rate has left, shared by every process: `tokens` there were at the moment `at`."""

    __tablename__ = "rate_bucket"
    name: str = Field(primary_key=True)
    tokens: float = Field(sa_type=Double)
    at: datetime = moment_column(nullable=False)


class Audit(Row, table=True):
    """Append-only: who applied, approved, paused, resumed, cancelled, exported or erased what."""

    id: int | None = id_column()
    at: datetime = moment_column(nullable=False)
    who: str
    action: str
    subject: str
    detail: str = ""


METADATA = Row.metadata
triggers.attach(METADATA)
LINKS = tracking_tables.LINKS
HITS = tracking_tables.HITS
METAS = METADATA.tables["meta"]
CAMPAIGNS = METADATA.tables["campaign"]
EDITIONS = METADATA.tables["edition"]
REVISIONS = METADATA.tables["revision"]
OCCURRENCES = METADATA.tables["occurrence"]
TOUCH_STATES = METADATA.tables["touch_state"]
CONTACTS = people_tables.CONTACTS
CONTACT_ALIASES = people_tables.CONTACT_ALIASES
FORGOTTEN = people_tables.FORGOTTEN
WORDINGS = people_tables.WORDINGS
CONTACT_FACTS = people_tables.CONTACT_FACTS
CONSENTS = people_tables.CONSENTS
SUPPRESSIONS = people_tables.SUPPRESSIONS
EVENTS = METADATA.tables["event"]
RUNS = METADATA.tables["run"]
STAGE_ENTRIES = METADATA.tables["stage_entry"]
DELIVERIES = METADATA.tables["delivery"]
ATTEMPTS = METADATA.tables["attempt"]
INQUIRIES = METADATA.tables["inquiry"]
TASKS = METADATA.tables["task"]
DAEMONS = METADATA.tables["daemon"]
RATE_BUCKETS = METADATA.tables["rate_bucket"]
AUDITS = METADATA.tables["audit"]
