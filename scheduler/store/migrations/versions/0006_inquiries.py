"""What is asked of the far end about attempts of unknown outcome: their handles there, and what was found.

A column of the attempts, empty for those that are there already, and a table of its own: the row of a delivery keeps
the moment at which it became unknown, from which caps count it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from scheduler.store.columns import BIGKEY, Moment

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("handle", sa.String(), server_default=sa.text("''"), nullable=False))
    op.create_table(
        "inquiry",
        sa.Column("delivery", BIGKEY, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("began_at", Moment(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("next_at", Moment(), nullable=True),
        sa.Column("looked_at", Moment(), nullable=False),
        sa.Column("found", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delivery"], ["delivery.id"], name="fk_inquiry_delivery"),
        sa.PrimaryKeyConstraint("delivery", "number", name="pk_inquiry"),
    )
