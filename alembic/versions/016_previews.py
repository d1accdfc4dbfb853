"""What would be read from a constitution that somebody writes at this moment."""

from alembic import op

revision = "016_previews"
down_revision = "015_monitoring"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE IF NOT EXISTS constitution_previews (
            sha256 text CONSTRAINT constitution_previews_pkey PRIMARY KEY,
            content text NOT NULL,
            reading jsonb,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX IF NOT EXISTS constitution_previews_created_at_idx ON constitution_previews (created_at)")


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS constitution_previews")
