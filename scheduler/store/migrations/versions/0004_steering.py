"""What was steered is noted by the database, and two indexes of deliveries are as narrow as what asks them.

The statements of the triggers are written out: this migration stays what it was when `store.triggers` changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQLITE = (
    "INSERT INTO meta (key, value) VALUES ('steered', '')",
    (
        "CREATE TRIGGER campaign_added AFTER INSERT ON campaign BEGIN UPDATE meta SET value = hex(randomblob(8)) "
        "WHERE key = 'steered'; END"
    ),
    (
        "CREATE TRIGGER campaign_steered AFTER UPDATE ON campaign BEGIN UPDATE meta SET value = "
        "hex(randomblob(8)) WHERE key = 'steered'; END"
    ),
    (
        "CREATE TRIGGER touch_state_added AFTER INSERT ON touch_state BEGIN UPDATE meta SET value = "
        "hex(randomblob(8)) WHERE key = 'steered'; END"
    ),
    (
        "CREATE TRIGGER touch_state_steered AFTER UPDATE ON touch_state BEGIN UPDATE meta SET value = "
        "hex(randomblob(8)) WHERE key = 'steered'; END"
    ),
)

POSTGRESQL = (
    "INSERT INTO meta (key, value) VALUES ('steered', '')",
    (
        "CREATE FUNCTION note_steering() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE meta SET value = "
        "gen_random_uuid()::text WHERE key = 'steered'; RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER campaign_steered AFTER INSERT OR UPDATE ON campaign FOR EACH STATEMENT EXECUTE FUNCTION "
        "note_steering()"
    ),
    (
        "CREATE TRIGGER touch_state_steered AFTER INSERT OR UPDATE ON touch_state FOR EACH STATEMENT EXECUTE "
        "FUNCTION note_steering()"
    ),
)


def upgrade() -> None:
    op.drop_index("ix_delivery_contact", "delivery")
    op.create_index("ix_delivery_contact", "delivery", ["contact"])
    op.drop_index("ix_delivery_expiry", "delivery")
    held = sa.text("state IN ('held')")
    op.create_index("ix_delivery_expiry", "delivery", ["expires_at"], sqlite_where=held, postgresql_where=held)
    connection = op.get_bind()
    for statement in POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE:
        connection.exec_driver_sql(statement)
