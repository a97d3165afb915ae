"""By which revision each attempt was worded, so that a correction goes to exactly those who were sent the wrong words.

Attempts that are there already keep none: what was in force when they began is told from the moments of the revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("revision", sa.Integer(), nullable=True))
