"""People: addresses they had before, erasure with its kept opt-outs, the wording and the proof of a consent.

The statements of the triggers are written out: this migration stays what it was when `store.triggers` changes. Of what
has ended, erasure alone may change the occurrence, because the key of an event may hold an address.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduler.store.columns import BIGKEY, Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQLITE = (
    "DROP TRIGGER delivery_ended",
    (
        "CREATE TRIGGER delivery_ended AFTER UPDATE OF state, campaign, edition, touch, recipient, occurrence, "
        "attempts, sent_at, provider_id ON delivery WHEN OLD.state IN ('cancelled', 'expired', 'failed', 'sent', "
        "'suppressed') AND (NEW.state IS NOT OLD.state OR NEW.campaign IS NOT OLD.campaign OR NEW.edition IS NOT "
        "OLD.edition OR NEW.touch IS NOT OLD.touch OR NEW.recipient IS NOT OLD.recipient OR NEW.attempts IS NOT "
        "OLD.attempts OR NEW.sent_at IS NOT OLD.sent_at OR NEW.provider_id IS NOT OLD.provider_id OR "
        "(NEW.occurrence IS NOT OLD.occurrence AND substr(NEW.occurrence, 1, 7) <> 'erased-')) BEGIN SELECT "
        "RAISE(ABORT, 'a delivery that has ended is never changed'); END"
    ),
    (
        "CREATE TRIGGER consent_fixed AFTER UPDATE OF purpose, given, at, source, wording ON consent BEGIN SELECT "
        "RAISE(ABORT, 'a consent is only ever added to'); END"
    ),
    (
        "CREATE TRIGGER consent_kept AFTER DELETE ON consent BEGIN SELECT RAISE(ABORT, 'a consent is only ever "
        "added to'); END"
    ),
)

POSTGRESQL = (
    "DROP TRIGGER delivery_ended ON delivery",
    (
        "CREATE TRIGGER delivery_ended AFTER UPDATE OF state, campaign, edition, touch, recipient, occurrence, "
        "attempts, sent_at, provider_id ON delivery FOR EACH ROW WHEN (OLD.state IN ('cancelled', 'expired', "
        "'failed', 'sent', 'suppressed') AND (NEW.state IS DISTINCT FROM OLD.state OR NEW.campaign IS DISTINCT "
        "FROM OLD.campaign OR NEW.edition IS DISTINCT FROM OLD.edition OR NEW.touch IS DISTINCT FROM OLD.touch OR "
        "NEW.recipient IS DISTINCT FROM OLD.recipient OR NEW.attempts IS DISTINCT FROM OLD.attempts OR "
        "NEW.sent_at IS DISTINCT FROM OLD.sent_at OR NEW.provider_id IS DISTINCT FROM OLD.provider_id OR "
        "(NEW.occurrence IS DISTINCT FROM OLD.occurrence AND substr(NEW.occurrence, 1, 7) <> 'erased-'))) EXECUTE "
        "FUNCTION refuse_ended('a delivery that has ended is never changed')"
    ),
    (
        "CREATE TRIGGER consent_fixed AFTER UPDATE OF purpose, given, at, source, wording ON consent FOR EACH ROW "
        "EXECUTE FUNCTION refuse_change('a consent is only ever added to')"
    ),
    (
        "CREATE TRIGGER consent_kept AFTER DELETE ON consent FOR EACH ROW EXECUTE FUNCTION refuse_change('a "
        "consent is only ever added to')"
    ),
)


def upgrade() -> None:
    op.add_column("contact", sa.Column("gone_at", Moment(), nullable=True))
    op.add_column("contact", sa.Column("merged_into", BIGKEY, nullable=True))
    op.add_column("consent", sa.Column("wording", BIGKEY, nullable=True))
    op.add_column("consent", sa.Column("proof", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "contact_alias",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("contact", BIGKEY, nullable=False),
        sa.ForeignKeyConstraint(["contact"], ["contact.id"], name=op.f("fk_contact_alias_contact")),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_contact_alias")),
    )
    op.create_index("ix_contact_alias_contact", "contact_alias", ["contact"])
    op.create_table(
        "forgotten",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "scope", name=op.f("pk_forgotten")),
    )
    op.create_table(
        "wording",
        sa.Column("id", BIGKEY, autoincrement=True, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wording")),
        sa.UniqueConstraint("hash", "version", name="uq_wording"),
    )
    op.drop_index("ix_delivery_run", "delivery")
    op.create_index(
        "ix_delivery_run",
        "delivery",
        ["run"],
        sqlite_where=sa.text("run IS NOT NULL"),
        postgresql_where=sa.text("run IS NOT NULL"),
    )
    connection = op.get_bind()
    for statement in POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE:
        connection.exec_driver_sql(statement)
