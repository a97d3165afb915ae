"""What waits is kept touch by touch and channel by channel, so that what cannot go is not walked past."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_WAITING = "state IN ('planned', 'retry_wait')"


def upgrade() -> None:
    op.drop_index("ix_delivery_due_first", table_name="delivery")
    op.create_index(
        "ix_delivery_queue",
        "delivery",
        ["marketing", "campaign", "edition", "touch", "channel", "next_at", "id"],
        sqlite_where=sa.text(_WAITING),
        postgresql_where=sa.text(_WAITING),
    )
