"""What belongs to this installation alone: the secret that the fences' nonces are made with."""

import sqlalchemy as sa

from alembic import op

revision = "008_installation"
down_revision = "007_rollups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("installation_pkey")),
    )


def downgrade() -> None:
    op.drop_table("installation")
