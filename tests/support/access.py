"""People, what is theirs, and the tokens they come with: rows that a test of who may do what asks for."""

import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from api.auth import TOKEN_PREFIX, hash_token
from tests.support.past import insert
from worker.core.ids import new_id, sha256

SERVICE_TOKEN = "the-service-token-0123456789abcdef"
OWNER, READER, WRITER, ADMIN, GUEST, STRANGER = "ada", "rita", "will", "adam", "gus", "eve"
"""Ada owns and connects everything; rita, will, adam and gus are members of her repository, eve of nothing."""
ROOT, SOMEBODY = "root", "zoe"
"""One who is named in CVA_ADMINS, and anybody else."""
GIVEN = {"CVA_API_TOKEN": SERVICE_TOKEN, "CVA_ADMINS": ROOT}
ALL = ("runs:read", "runs:write", "remediation:approve")
FINGERPRINT = "0" * 32


def bearer(token: str, user: str | None = None) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}"}
    return headers if user is None else {**headers, "X-CVA-User": user}


def service(user: str | None = None) -> dict[str, str]:
    return bearer(SERVICE_TOKEN, user)


@dataclass
class World:
    """Writes what is asked for to the database of `connection`, which commits by itself."""

    connection: psycopg.Connection[Any]
    repository: uuid.UUID = field(init=False)
    version: uuid.UUID = field(init=False)
    """Of the repository's constitution."""

    def __post_init__(self) -> None:
        self.repository = self.connect()
        self.version = self.constitution(repo=self.repository, version=2)

    def token(self, user: str, *scopes: str, parent: uuid.UUID | None = None, **more: Any) -> tuple[uuid.UUID, str]:
        """Its id and the token itself."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = {"id": new_id(), "name": "n", "user_name": user, "prefix": token[:10], "token_sha256": hash_token(token)}
        insert(self.connection, "api_tokens", [{**row, "scopes": list(scopes), "parent_id": parent, **more}])
        return row["id"], token

    def headers(self, user: str, *scopes: str, **more: Any) -> dict[str, str]:
        return bearer(self.token(user, *(scopes or ALL), **more)[1])

    def connect(self, url: str = "https://github.com/acme/shop") -> uuid.UUID:
        """A repository of ada's with its members and a constitution."""
        found = new_id()
        row = {"id": found, "full_name": f"acme/{found.hex}", "clone_url": url, "created_by": OWNER}
        insert(self.connection, "repo_connections", [row])
        roles = ((READER, "read"), (WRITER, "write"), (ADMIN, "admin"), (GUEST, "read"))
        insert(self.connection, "repo_members", [{"repo_id": found, "user_name": u, "role": r} for u, r in roles])
        self.constitution(repo=found)
        return found

    def constitution(self, *, owner: str | None = OWNER, repo: uuid.UUID | None = None, version: int = 1) -> uuid.UUID:
        row = {"id": new_id(), "content": "- Be good.", "sha256": "x", "created_by": owner}
        if repo is not None:
            row |= {"repo_id": repo, "version": version}
        insert(self.connection, "constitution_versions", [row])
        return uuid.UUID(str(row["id"]))

    def preview(self) -> str:
        """A text that a worker has read already."""
        content = "- Be good."
        reading = {"method": "rules", "problem": None, "criteria": [], "lines": []}
        self.connection.execute(
            "INSERT INTO constitution_previews (sha256, content, reading) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [sha256(content.encode()), content, json.dumps(reading)],
        )
        return content

    def upload(self, owner: str = OWNER) -> uuid.UUID:
        row = {"id": new_id(), "format": "files", "size": 2, "sha256": "x", "content": b"{}", "created_by": owner}
        insert(self.connection, "uploads", [row])
        return uuid.UUID(str(row["id"]))

    def run(
        self,
        owner: str | None = OWNER,
        *,
        repo: uuid.UUID | None = None,
        status: str = "completed",
        event: str = "step",
    ) -> uuid.UUID:
        """A run with an event, a criterion's result and its artifacts."""
        source = {"kind": "git", "url": "https://github.com/acme/shop"}
        ended = status == "completed"
        run_id = new_id()
        row = {
            "id": run_id, "source_kind": "git" if repo is None else "repository", "source": json.dumps(source),
            "status": status, "verdict": "PASS" if ended else None, "repo_id": repo, "created_by": owner,
            "constitution_version_id": self.constitution(owner=owner), "event_seq": 1,
            "finished_at": datetime.now(UTC) if ended else None,
        }  # fmt: skip
        insert(self.connection, "runs", [row])
        insert(self.connection, "run_events", [{"run_id": run_id, "seq": 1, "type": event}])
        place = json.dumps([{"place": FINGERPRINT, "verified": True}])
        result = {
            "id": new_id(), "run_id": run_id, "key": "k", "category": "style", "severity": "low", "outcome": "FAIL",
            "reason": "", "evidence": place,
        }  # fmt: skip
        insert(self.connection, "criterion_results", [result])
        names = ("verdict.json", "REPORT.md", "verdict.sarif", "criteria.json")
        artifact = {"run_id": run_id, "media_type": "text/plain", "size": 2, "sha256": "x", "content": b"{}"}
        insert(self.connection, "artifacts", [{**artifact, "name": name} for name in names])
        return run_id

    def remediation(self, run_id: uuid.UUID, status: str = "awaiting_approval") -> tuple[uuid.UUID, uuid.UUID]:
        """Its id, and that of its one fix: one that waits for an approval, or that was kept."""
        ended = status == "completed"
        found = new_id()
        row = {"id": found, "run_id": run_id, "status": status, "created_by": OWNER}
        insert(self.connection, "remediation_runs", [row | ({"patch": "", "mailbox": ""} if ended else {})])
        fix = {
            "id": new_id(), "remediation_run_id": found, "category": "security", "action": "CONFIRM", "confidence": 0.95,
            "status": "verified" if ended else "proposed", "patch": "", "key": "k",
        }  # fmt: skip
        insert(self.connection, "remediation_fixes", [fix])
        return found, uuid.UUID(str(fix["id"]))

    def badge(self) -> str:
        """The name of a repository with a badge for everybody."""
        repository = self.connect()
        name = secrets.token_hex(8)
        self.connection.execute(
            "UPDATE repo_connections SET full_name = %s, clone_url = %s, settings = %s WHERE id = %s",
            [f"acme/{name}", f"https://github.com/acme/{name}", '{"public_badge": true}', repository],
        )
        return name

    def audited(self, request_id: str) -> int:
        """How many lines the audit log has of a request."""
        query = "SELECT count(*) FROM audit_log WHERE request_id = %s"
        row = self.connection.execute(query, [request_id]).fetchone()
        assert row is not None
        return int(row[0])

    def callback(self, *, repo: uuid.UUID | None = None) -> uuid.UUID:
        """One that was delivered, of a run of the owner's, or of somebody else's in the repository."""
        run_id = self.run(OWNER if repo is None else SOMEBODY, repo=repo)
        row = {
            "id": new_id(), "event": "run.ended", "run_id": run_id, "repo_id": repo, "url": "http://localhost/hook",
            "created_by": OWNER if repo is None else SOMEBODY, "body": "{}", "status": "delivered",
        }  # fmt: skip
        insert(self.connection, "callbacks", [row])
        return uuid.UUID(str(row["id"]))

    def commit(self) -> uuid.UUID:
        """One of the repository's main branch, that was verified."""
        row = {
            "id": new_id(), "repo_id": self.repository, "branch": "main", "commit_sha": secrets.token_hex(20),
            "event": "push", "status": "skipped",
        }  # fmt: skip
        insert(self.connection, "monitor_jobs", [row])
        return uuid.UUID(str(row["id"]))

    def feedback(self, run_id: uuid.UUID) -> uuid.UUID:
        row = {"id": new_id(), "run_id": run_id, "scope": "x", "subject": "criterion", "key": "k", "mark": "wrong"}
        insert(self.connection, "feedback", [{**row, "fingerprints": [], "created_by": OWNER}])
        return uuid.UUID(str(row["id"]))

    def failed_job(self) -> int:
        statement = (
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
            " VALUES ('verification', 'verification.verify_run', '{}', 'failed') RETURNING id"
        )
        row = self.connection.execute(statement).fetchone()
        assert row is not None
        return int(row[0])
