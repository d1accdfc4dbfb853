"""Connected repositories, their branches, and the constitutions with the criteria read from them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Created, Id, one_of
from worker.core.vocabulary import Category, Forge, Severity


class RepoConnection(Base):
    __tablename__ = "repo_connections"
    __table_args__ = (
        # Of each user: a name that somebody else has taken is nobody's business, and keeps nobody out.
        Index(
            "repo_connections_owner_connected_key",
            "created_by",
            "full_name",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("repo_connections_removed_at_idx", "removed_at", postgresql_where=text("removed_at IS NOT NULL")),
        Index("repo_connections_full_name_idx", "full_name"),
        Index(
            "repo_connections_forge_id_key",
            "forge",
            "forge_id",
            unique=True,
            postgresql_where=text("forge_id IS NOT NULL AND removed_at IS NULL"),
        ),
        Index(
            "repo_connections_looked_at_idx",
            text("looked_at NULLS FIRST"),
            postgresql_where=text("removed_at IS NULL"),
        ),
        one_of("forge", Forge),
        Index("repo_connections_created_at_idx", "created_at", "id"),
    )

    id: Mapped[Id]
    full_name: Mapped[str]
    clone_url: Mapped[str]
    default_branch: Mapped[str] = mapped_column(server_default="main")
    created_by: Mapped[str | None]
    created_at: Mapped[Created]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    removed_at: Mapped[datetime | None]
    """Since when it is nobody's. Its runs and constitutions let go of it by and by; then the row goes."""
    forge: Mapped[str] = mapped_column(server_default="git")
    forge_id: Mapped[int | None] = mapped_column(BigInteger)
    """Its forge's number for it, which a new name does not change. With an installation alone."""
    installation_id: Mapped[int | None] = mapped_column(BigInteger)
    """The installation of the App that connected it: what may be read and told there is read and told in its name.
    Never that of a repository which somebody connected by its URL."""
    suspended_at: Mapped[datetime | None]
    """Since when the installation is suspended: until it comes back nothing is read or told in its name."""
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    looked_at: Mapped[datetime | None]
    """When its forge was last asked what no delivery told."""


class RepoBranch(Base):
    __tablename__ = "repo_branches"
    __table_args__ = (UniqueConstraint("repo_id", "name"),)

    id: Mapped[Id]
    repo_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("repo_connections.id", ondelete="CASCADE"))
    name: Mapped[str]
    monitored: Mapped[bool] = mapped_column(server_default=text("false"))
    last_commit: Mapped[str | None]
    created_at: Mapped[Created]
    etag: Mapped[str | None]
    """What the forge called its last answer of this branch."""


class ConstitutionVersion(Base):
    """One text. With a repository it has a version number; without one, its id is made from the text."""

    __tablename__ = "constitution_versions"
    __table_args__ = (
        UniqueConstraint("repo_id", "version"),
        CheckConstraint("(repo_id IS NULL) = (version IS NULL)", name="version"),
    )

    id: Mapped[Id]
    repo_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("repo_connections.id", ondelete="CASCADE"))
    version: Mapped[int | None]
    content: Mapped[str]
    sha256: Mapped[str]
    created_by: Mapped[str | None]
    created_at: Mapped[Created]


class ConstitutionPreview(Base):
    """A text that somebody writes, and what a worker read in it by rules: None until it has."""

    __tablename__ = "constitution_previews"
    __table_args__ = (Index("constitution_previews_created_at_idx", "created_at"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str]
    reading: Mapped[dict[str, Any] | None]
    created_at: Mapped[Created]


class Criterion(Base):
    """One checkable statement. `key` is stable: the same statement has the same key in every version."""

    __tablename__ = "criteria"
    __table_args__ = (
        UniqueConstraint("constitution_version_id", "method", "key"),
        Index("criteria_key_idx", "key"),
        one_of("category", Category),
        one_of("severity", Severity),
    )

    id: Mapped[Id]
    constitution_version_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("constitution_versions.id", ondelete="CASCADE")
    )
    method: Mapped[str]
    key: Mapped[str]
    position: Mapped[int]
    category: Mapped[str]
    severity: Mapped[str]
    statement: Mapped[str]
    section: Mapped[str | None]
    line: Mapped[int | None]
    created_at: Mapped[Created]
