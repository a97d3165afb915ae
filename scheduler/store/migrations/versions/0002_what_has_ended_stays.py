"""Let the database refuse to change what has ended and tell of new rows; room for pinned edits, budgets and rates.

The statements of the triggers are written out: this migration stays what it was when `store.triggers` changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduler.store.columns import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE TRIGGER delivery_ended AFTER UPDATE OF state, campaign, edition, touch, recipient, occurrence, "
    "attempts, sent_at, provider_id ON delivery WHEN OLD.state IN ('cancelled', 'expired', 'failed', 'sent', "
    "'suppressed') AND (NEW.state IS NOT OLD.state OR NEW.campaign IS NOT OLD.campaign OR NEW.edition IS NOT "
    "OLD.edition OR NEW.touch IS NOT OLD.touch OR NEW.recipient IS NOT OLD.recipient OR NEW.occurrence IS NOT"
    " OLD.occurrence OR NEW.attempts IS NOT OLD.attempts OR NEW.sent_at IS NOT OLD.sent_at OR NEW.provider_id"
    " IS NOT OLD.provider_id) BEGIN SELECT RAISE(ABORT, 'a delivery that has ended is never changed'); END",
    "CREATE TRIGGER delivery_kept AFTER DELETE ON delivery WHEN OLD.state IN ('cancelled', 'expired', "
    "'failed', 'sent', 'suppressed') BEGIN SELECT RAISE(ABORT, 'a delivery that has ended is never deleted');"
    " END",
    "CREATE TRIGGER attempt_closed AFTER UPDATE OF delivery, number, key, content_hash, created_at, outcome, "
    "finished_at ON attempt WHEN OLD.outcome IS NOT NULL AND ((NEW.delivery IS NOT OLD.delivery OR NEW.number"
    " IS NOT OLD.number OR NEW.key IS NOT OLD.key OR NEW.content_hash IS NOT OLD.content_hash OR "
    "NEW.created_at IS NOT OLD.created_at) OR ((NEW.outcome IS NOT OLD.outcome OR NEW.finished_at IS NOT "
    "OLD.finished_at) AND NOT (OLD.outcome = 'unknown' AND coalesce(NEW.outcome, '') IN ('failed', "
    "'retry_wait', 'sent')))) BEGIN SELECT RAISE(ABORT, 'an attempt that has its outcome is never changed'); "
    "END",
    "CREATE TRIGGER attempt_kept AFTER DELETE ON attempt BEGIN SELECT RAISE(ABORT, 'an attempt is never deleted'); END",
    "CREATE TRIGGER audit_fixed AFTER UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only ever added"
    " to'); END",
    "CREATE TRIGGER audit_kept AFTER DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END",
)

POSTGRESQL = (
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING "
    "MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation'; END $$",
    "CREATE FUNCTION refuse_ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING "
    "MESSAGE = 'delivery ' || OLD.id || ' is ' || OLD.state || ' for good - ' || TG_ARGV[0], ERRCODE = "
    "'restrict_violation'; END $$",
    "CREATE TRIGGER delivery_ended AFTER UPDATE OF state, campaign, edition, touch, recipient, occurrence, "
    "attempts, sent_at, provider_id ON delivery FOR EACH ROW WHEN (OLD.state IN ('cancelled', 'expired', "
    "'failed', 'sent', 'suppressed') AND (NEW.state IS DISTINCT FROM OLD.state OR NEW.campaign IS DISTINCT "
    "FROM OLD.campaign OR NEW.edition IS DISTINCT FROM OLD.edition OR NEW.touch IS DISTINCT FROM OLD.touch OR"
    " NEW.recipient IS DISTINCT FROM OLD.recipient OR NEW.occurrence IS DISTINCT FROM OLD.occurrence OR "
    "NEW.attempts IS DISTINCT FROM OLD.attempts OR NEW.sent_at IS DISTINCT FROM OLD.sent_at OR "
    "NEW.provider_id IS DISTINCT FROM OLD.provider_id)) EXECUTE FUNCTION refuse_ended('a delivery that has "
    "ended is never changed')",
    "CREATE TRIGGER delivery_kept AFTER DELETE ON delivery FOR EACH ROW WHEN (OLD.state IN ('cancelled', "
    "'expired', 'failed', 'sent', 'suppressed')) EXECUTE FUNCTION refuse_ended('a delivery that has ended is "
    "never deleted')",
    "CREATE TRIGGER attempt_closed AFTER UPDATE OF delivery, number, key, content_hash, created_at, outcome, "
    "finished_at ON attempt FOR EACH ROW WHEN (OLD.outcome IS NOT NULL AND ((NEW.delivery IS DISTINCT FROM "
    "OLD.delivery OR NEW.number IS DISTINCT FROM OLD.number OR NEW.key IS DISTINCT FROM OLD.key OR "
    "NEW.content_hash IS DISTINCT FROM OLD.content_hash OR NEW.created_at IS DISTINCT FROM OLD.created_at) OR"
    " ((NEW.outcome IS DISTINCT FROM OLD.outcome OR NEW.finished_at IS DISTINCT FROM OLD.finished_at) AND NOT"
    " (OLD.outcome = 'unknown' AND coalesce(NEW.outcome, '') IN ('failed', 'retry_wait', 'sent'))))) EXECUTE "
    "FUNCTION refuse_change('an attempt that has its outcome is never changed')",
    "CREATE TRIGGER attempt_kept AFTER DELETE ON attempt FOR EACH ROW EXECUTE FUNCTION refuse_change('an "
    "attempt is never deleted')",
    "CREATE TRIGGER audit_fixed AFTER UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change('the audit "
    "is only ever added to')",
    "CREATE TRIGGER audit_kept AFTER DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change('the audit "
    "is only ever added to')",
    "CREATE FUNCTION tell_daemons() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
    "pg_notify('campaign', ''); RETURN NULL; END $$",
    "CREATE TRIGGER delivery_told AFTER INSERT ON delivery FOR EACH STATEMENT EXECUTE FUNCTION tell_daemons()",
    "CREATE TRIGGER occurrence_told AFTER INSERT OR UPDATE OF fires_at ON occurrence FOR EACH STATEMENT "
    "EXECUTE FUNCTION tell_daemons()",
)


def upgrade() -> None:
    op.add_column("edition", sa.Column("budget", sa.Integer(), nullable=True))
    op.add_column("edition", sa.Column("spent", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("run", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("revision", sa.Integer(), nullable=True))
    op.create_index(
        "ix_delivery_due_first",
        "delivery",
        ["next_at", "id"],
        sqlite_where=sa.text("state IN ('planned', 'retry_wait') AND marketing = 0"),
        postgresql_where=sa.text("state IN ('planned', 'retry_wait') AND NOT marketing"),
    )
    op.create_index(
        "ix_delivery_gone",
        "delivery",
        ["contact"],
        sqlite_where=sa.text("state IN ('attempting', 'sent', 'unknown')"),
        postgresql_where=sa.text("state IN ('attempting', 'sent', 'unknown')"),
    )
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_bucket")),
    )
    connection = op.get_bind()
    for statement in POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE:
        connection.exec_driver_sql(statement)
