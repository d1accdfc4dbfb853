"""Where a criterion failed, kept with its result: analyzers decide without opinions."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "009_places"
down_revision = "008_installation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("criterion_results", sa.Column("evidence", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("criterion_results", "evidence")
