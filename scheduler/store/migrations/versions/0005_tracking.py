"""Where the links of mails lead, and which of them were followed: two tables, nothing of others changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduler.store.columns import BIGKEY, Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "link",
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("touch", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "touch", "number", name="pk_link"),
        sa.UniqueConstraint("campaign", "touch", "hash", name="uq_link"),
    )
    op.create_table(
        "hit",
        sa.Column("id", BIGKEY, autoincrement=True, nullable=False),
        sa.Column("delivery", BIGKEY, nullable=False),
        sa.Column("link", sa.Integer(), nullable=False),
        sa.Column("slot", BIGKEY, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("seen", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name="fk_hit_delivery"),
        sa.PrimaryKeyConstraint("id", name="pk_hit"),
        sa.UniqueConstraint("delivery", "link", "slot", name="uq_hit"),
    )
    unjudged = sa.text("kind = ''")
    op.create_index("ix_hit_unjudged", "hit", ["at"], sqlite_where=unjudged, postgresql_where=unjudged)
