"""Identifiers."""

import hashlib
import uuid

from uuid_utils.compat import uuid7

# Names under this namespace give ad-hoc constitutions one row per text (RFC 9562, section 5.5).
_CONSTITUTIONS = uuid.UUID("6f1f3c58-6a0e-5d1b-9a53-5a1d0a3c7f11")


def new_id() -> uuid.UUID:
    """A time-ordered UUID, version 7 (RFC 9562, section 5.7)."""
    return uuid7()


def constitution_id(text: str, owner: str | None) -> uuid.UUID:
    """The id of a constitution that belongs to no repository: the same text of the same owner has the same id.

    `owner` is a user's name, which holds no space; None: the service.
    """
    digest = sha256(text.encode())
    return uuid.uuid5(_CONSTITUTIONS, digest if owner is None else f"{owner} {digest}")


def sha256(data: bytes) -> str:
    """Lower-case hexadecimal, 64 characters."""
    return hashlib.sha256(data).hexdigest()
