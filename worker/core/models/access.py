"""User tokens. The token itself is shown once; its SHA-256 is kept (it has 256 bits of its own entropy)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from worker.core.models.base import Base, Created, Id
from worker.core.vocabulary import Scope

_SCOPES = ", ".join(f"'{scope.value}'" for scope in Scope)


class ApiToken(Base):
    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint(f"scopes <@ ARRAY[{_SCOPES}]::text[]", name="scopes"),
        Index("api_tokens_token_sha256_key", "token_sha256", unique=True),
        Index("api_tokens_user_name_created_at_idx", "user_name", "created_at", "id"),
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
    created_at: Mapped[Created]
