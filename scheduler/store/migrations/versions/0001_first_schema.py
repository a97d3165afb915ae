"""Make the first schema: what version 0.1 stores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduler.store.columns import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("paused_until", Moment(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("applied_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_table(
        "contact",
        sa.Column("id", KEY, nullable=False),
        sa.Column("ref", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("last_name", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("birthday", sa.String(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("email", name=op.f("uq_contact_email")),
        sa.UniqueConstraint("phone", name=op.f("uq_contact_phone")),
        sa.UniqueConstraint("ref", name=op.f("uq_contact_ref")),
    )
    op.create_index("ix_contact_zone", "contact", ["timezone"])
    op.create_table(
        "daemon",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("heartbeat_at", Moment(), nullable=False),
        sa.Column("next_jobs", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daemon")),
    )
    op.create_table(
        "edition",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("reference_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "edition", name=op.f("pk_edition")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "occurrence",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("touch", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("fires_at", Moment(), nullable=False),
        sa.Column("earliest_at", Moment(), nullable=False),
        sa.Column("latest_at", Moment(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("local", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrence")),
        sa.UniqueConstraint("campaign", "edition", "touch", "key", name="uq_occurrence"),
    )
    op.create_index("ix_occurrence_due", "occurrence", ["state", "fires_at"])
    op.create_table(
        "revision",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("timeline", sa.JSON(), nullable=False),
        sa.Column("templates", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_hash", sa.String(), nullable=False),
        sa.Column("plan_hash", sa.String(), nullable=False),
        sa.Column("tzdata", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("applied_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "number", name=op.f("pk_revision")),
    )
    op.create_table(
        "touch_state",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("touch", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("paused_until", Moment(), nullable=True),
        sa.Column("approved_hash", sa.String(), nullable=True),
        sa.Column("approved_at", Moment(), nullable=True),
        sa.Column("approved_note", sa.String(), nullable=False),
        sa.Column("rejected", sa.Boolean(), nullable=False),
        sa.Column("first_sent_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("campaign", "edition", "touch", name=op.f("pk_touch_state")),
    )
    op.create_table(
        "consent",
        sa.Column("id", KEY, nullable=False),
        sa.Column("contact", KEY, nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_consent_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_contact", "consent", ["contact", "purpose", "id"])
    op.create_table(
        "contact_fact",
        sa.Column("contact", KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("item", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("day", sa.String(), nullable=True),
        sa.Column("truth", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_contact_fact_contact")),
        sa.PrimaryKeyConstraint("contact", "name", "item", name=op.f("pk_contact_fact")),
    )
    op.create_table(
        "event",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("contact", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_event_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("key", name=op.f("uq_event_key")),
    )
    op.create_index("ix_event_contact", "event", ["contact", "name", "at"])
    op.create_table(
        "stage_entry",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("contact", KEY, nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_stage_entry_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_entry")),
    )
    op.create_index("ix_stage_entry", "stage_entry", ["campaign", "edition", "contact", "id"])
    op.create_table(
        "suppression",
        sa.Column("id", KEY, nullable=False),
        sa.Column("contact", KEY, nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_suppression_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
        sa.UniqueConstraint("contact", "scope", name="uq_suppression"),
    )
    op.create_table(
        "run",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("touch", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("contact", KEY, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("event", KEY, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_run_contact")),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_run_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("campaign", "edition", "touch", "contact", "key", name="uq_run"),
    )
    op.create_index("ix_run_open", "run", ["contact", "state"])
    op.create_table(
        "delivery",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("touch", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("contact", KEY, nullable=True),
        sa.Column("occurrence", sa.String(), nullable=False),
        sa.Column("run", KEY, nullable=True),
        sa.Column("marketing", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("next_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("on_late", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.CheckConstraint(
            "state IN ('attempting', 'cancelled', 'claimed', 'expired', 'failed', 'held', 'planned', 'retry_wait',"
            " 'sent', 'suppressed', 'unknown')",
            name="ck_delivery_state",
        ),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_delivery_contact")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_delivery_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("campaign", "edition", "touch", "recipient", "occurrence", name="uq_delivery"),
    )
    op.create_index("ix_delivery_contact", "delivery", ["contact", "sent_at"])
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["next_at", "id"],
        sqlite_where=sa.text("state IN ('planned', 'retry_wait')"),
        postgresql_where=sa.text("state IN ('planned', 'retry_wait')"),
    )
    op.create_index(
        "ix_delivery_expiry",
        "delivery",
        ["expires_at"],
        sqlite_where=sa.text("state IN ('held', 'planned', 'retry_wait')"),
        postgresql_where=sa.text("state IN ('held', 'planned', 'retry_wait')"),
    )
    op.create_index(
        "ix_delivery_open",
        "delivery",
        ["state"],
        sqlite_where=sa.text("state IN ('attempting', 'claimed', 'held', 'unknown')"),
        postgresql_where=sa.text("state IN ('attempting', 'claimed', 'held', 'unknown')"),
    )
    op.create_index("ix_delivery_run", "delivery", ["run"])
    op.create_table(
        "attempt",
        sa.Column("id", KEY, nullable=False),
        sa.Column("delivery", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_attempt_delivery")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("delivery", "number", name="uq_attempt"),
    )
    op.create_index(
        "uq_attempt_open",
        "attempt",
        ["delivery"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "task",
        sa.Column("id", KEY, nullable=False),
        sa.Column("delivery", KEY, nullable=False),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("touch", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("contact", KEY, nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_task_contact")),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name=op.f("fk_task_delivery")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("delivery", name="uq_task_delivery"),
    )
