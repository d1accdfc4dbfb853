"""To whom a person's word applies."""

import uuid


def scope_of(repo_full_name: str | None, constitution_version_id: uuid.UUID | None) -> str:
    """Later runs of the same repository; of sources without a name, those against the same constitution."""
    return f"repo:{repo_full_name}" if repo_full_name else f"constitution:{constitution_version_id}"
