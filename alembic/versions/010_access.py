"""Who may see what: members of repositories, the tokens that tokens made, to whom an accepted place applies, and the
indexes by which each finds their own runs."""

from urllib.parse import urlsplit

import sqlalchemy as sa

from alembic import op

revision = "010_access"
down_revision = "009_places"
branch_labels = None
depends_on = None

_BATCH = 1000
_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}

_WITHOUT = "repo_id IS NULL AND created_by IS NOT NULL"
INDEXES = {
    "runs_repo_id_created_at_idx": "(repo_id, created_at, id) WHERE repo_id IS NOT NULL",
    "runs_created_by_created_at_idx": f"(created_by, created_at, id) WHERE {_WITHOUT}",
    "runs_repo_id_finished_at_idx": "(repo_id, finished_at) WHERE repo_id IS NOT NULL AND finished_at IS NOT NULL",
    "runs_created_by_finished_at_idx": f"(created_by, finished_at) WHERE {_WITHOUT} AND finished_at IS NOT NULL",
}


def upgrade() -> None:
    # First, as it is the only part that is not undone when it fails; it may be begun again.
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, columns in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON runs {columns}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS runs_repo_id_idx")
        op.execute("SET lock_timeout = '10s'")
    op.create_table(
        "repo_members",
        sa.Column("repo_id", sa.Uuid(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('read', 'write', 'admin')", name=op.f("repo_members_role_check")),
        sa.ForeignKeyConstraint(
            ["repo_id"], ["repo_connections.id"], name=op.f("repo_members_repo_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("repo_id", "user_name", name=op.f("repo_members_pkey")),
    )
    op.create_index("repo_members_user_name_idx", "repo_members", ["user_name", "repo_id"])
    op.execute(
        "INSERT INTO repo_members (repo_id, user_name, role, created_by)"
        " SELECT id, created_by, 'admin', created_by FROM repo_connections WHERE created_by IS NOT NULL"
    )
    # A repository that the revision before connects while it still runs has its admin as well.
    op.execute(
        """
        CREATE FUNCTION repo_connected() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO repo_members (repo_id, user_name, role, created_by)
            VALUES (NEW.id, NEW.created_by, 'admin', NEW.created_by);
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER repo_connected AFTER INSERT ON repo_connections FOR EACH ROW"
        " WHEN (NEW.created_by IS NOT NULL) EXECUTE FUNCTION repo_connected()"
    )
    op.drop_index("repo_connections_full_name_key", table_name="repo_connections")
    op.create_index("repo_connections_full_name_idx", "repo_connections", ["full_name"])
    op.create_index(
        "repo_connections_owner_full_name_key",
        "repo_connections",
        ["created_by", "full_name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.add_column("api_tokens", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("api_tokens", sa.Column("created_by", sa.Text(), nullable=True))
    op.create_foreign_key(
        op.f("api_tokens_parent_id_fkey"), "api_tokens", "api_tokens", ["parent_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index(
        "api_tokens_parent_id_idx", "api_tokens", ["parent_id"], postgresql_where=sa.text("parent_id IS NOT NULL")
    )
    op.add_column("feedback", sa.Column("applies_to", sa.Text(), nullable=True))
    op.create_index("feedback_accepted_idx", "feedback", ["applies_to"], postgresql_where=sa.text("mark = 'accepted'"))
    _carry_marks_over()


# Marks of who could not make them today apply to nothing: the service's stay, and those of who connected the repository
# or, without one, made the run.
_MARKS = sa.text(
    """
    SELECT f.id, r.repo_id, r.created_by AS owner, r.source->>'url' AS url, c.sha256
    FROM feedback f JOIN runs r ON r.id = f.run_id
    LEFT JOIN repo_connections g ON g.id = r.repo_id
    LEFT JOIN constitution_versions c ON c.id = r.constitution_version_id
    WHERE f.mark = 'accepted' AND f.id > :after
        AND (f.created_by IS NULL OR f.created_by = CASE WHEN r.repo_id IS NULL THEN r.created_by ELSE g.created_by END)
    ORDER BY f.id LIMIT :batch
    """
)
_MARK = sa.text("UPDATE feedback SET applies_to = :applies_to WHERE id = :id")


def _carry_marks_over() -> None:
    after = "00000000-0000-0000-0000-000000000000"
    connection = op.get_bind()
    while rows := connection.execute(_MARKS, {"after": after, "batch": _BATCH}).all():
        connection.execute(_MARK, [{"id": row.id, "applies_to": _applies_to(row)} for row in rows])
        after = rows[-1].id


def _applies_to(row: sa.Row) -> str:
    place = _address(row.url) or f"constitution {row.sha256}"
    if row.repo_id is not None:
        return f"repository {row.repo_id} {place}"
    return f"service {place}" if row.owner is None else f"user {row.owner} {place}"


def _address(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    host = parts.hostname.rstrip(".")
    if parts.port not in (None, _PORTS.get(parts.scheme)):
        host = f"{host}:{parts.port}"
    return f"{host}/{parts.path.strip('/').removesuffix('.git')}"


def downgrade() -> None:
    op.drop_index("feedback_accepted_idx", table_name="feedback")
    op.drop_column("feedback", "applies_to")
    op.drop_column("api_tokens", "created_by")
    op.drop_column("api_tokens", "parent_id")
    op.drop_index("repo_connections_owner_full_name_key", table_name="repo_connections")
    op.drop_index("repo_connections_full_name_idx", table_name="repo_connections")
    op.create_index("repo_connections_full_name_key", "repo_connections", ["full_name"], unique=True)
    op.execute("DROP TRIGGER repo_connected ON repo_connections")
    op.execute("DROP FUNCTION repo_connected")
    op.drop_table("repo_members")
    for name in INDEXES:
        op.drop_index(name, table_name="runs")
    op.create_index("runs_repo_id_idx", "runs", ["repo_id"], postgresql_where=sa.text("repo_id IS NOT NULL"))
