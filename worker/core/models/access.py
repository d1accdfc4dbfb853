"""User tokens, and who is a member of which repository."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base, Created, Id, Serial, one_of
from worker.core.vocabulary import RepoRole, Scope

_SCOPES = ", ".join(f"'{scope.value}'" for scope in Scope)


class ApiToken(Base):
    """The token itself is shown once; its SHA-256 is kept (it has 256 bits of its own entropy).

    A token ends with the one that made it, `parent_id`; the service's have none. `created_by` is the user on whose
    behalf it was made, null for the service itself.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint(f"scopes <@ ARRAY[{_SCOPES}]::text[]", name="scopes"),
        Index("api_tokens_token_sha256_key", "token_sha256", unique=True),
        Index("api_tokens_user_name_created_at_idx", "user_name", "created_at", "id"),
        Index("api_tokens_parent_id_idx", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
    )

    id: Mapped[Id]
    name: Mapped[str]
    user_name: Mapped[str]
    prefix: Mapped[str]
    token_sha256: Mapped[str]
    scopes: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("api_tokens.id", ondelete="CASCADE"))
    created_by: Mapped[str | None]
    created_at: Mapped[Created]


class AuditLine(Base):
    """Who changed what, when, from where. Append-only, enforced by a trigger; no foreign key, so that nothing it tells
    of can take it along."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("audit_log_created_at_idx", "created_at", "id"),
        Index("audit_log_actor_idx", "actor", "created_at", "id"),
        Index("audit_log_subject_idx", "subject", "created_at", "id", postgresql_where=text("subject IS NOT NULL")),
    )

    id: Mapped[Serial]
    actor: Mapped[str]
    token_id: Mapped[uuid.UUID | None]
    operation: Mapped[str]
    subject: Mapped[str | None]
    request_id: Mapped[str | None]
    address: Mapped[str | None]
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Created]


class RepoMember(Base):
    """`created_by` made `user_name` a member; null: the service."""

    __tablename__ = "repo_members"
    __table_args__ = (
        one_of("role", RepoRole),
        Index("repo_members_user_name_idx", "user_name", "repo_id"),
    )

    repo_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("repo_connections.id", ondelete="CASCADE"), primary_key=True)
    user_name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    created_by: Mapped[str | None]
    created_at: Mapped[Created]
