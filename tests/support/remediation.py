"""Remediations from end to end, in this process: a scripted fixer, and a worker that goes on until somebody is needed."""

import asyncio
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from invariant.bench.fixer import fix, mending, script
from tests.support import app
from worker.core.queue.jobs import FollowRun, Remediate
from worker.remediation import following
from worker.remediation.remediate import remediate
from worker.runtime.resources import Resources

__all__ = [
    "CONSTITUTION", "FILES", "IMPORTS", "MENDED", "MENDED_FILES", "SECURITY", "TIDY", "UNUSED", "Driver", "applied",
    "fix", "mending", "script", "statuses",
]  # fmt: skip

CONSTITUTION = """# Rules

- Code MUST NOT call `eval(`.
- Code MUST NOT call `os.system(`.
- Python code SHOULD have no unused imports.
"""
FILES = {
    "app/main.py": "import json\nimport sys\n\n\ndef run(text):\n    return eval(text)\n\n\nprint(sys.argv)\n",
    "app/shell.py": "import os\n\n\ndef clean(name):\n    os.system('rm ' + name)\n",
    "app/util.py": "def add(a, b):\n    return a + b\n",
}
"""An unused import, and two calls that nobody shall make."""
MENDED = {
    "    return eval(text)": "    return json.loads(text)",
    "    os.system('rm ' + name)": "    os.remove(name)",
}


MENDED_FILES = {
    "app/main.py": "import json\nimport sys\n\n\ndef run(text):\n    return json.loads(text)\n\n\nprint(sys.argv)\n",
    "app/shell.py": "import os\n\n\ndef clean(name):\n    os.remove(name)\n",
    "app/util.py": FILES["app/util.py"],
}
SECURITY = "# Rules\n\n- For security, code MUST NOT call `eval(`.\n"
"""The scripted extraction takes it for one of security."""
UNUSED = "# Rules\n\n- Python code SHOULD have no unused imports.\n"
IMPORTS = {"a.py": "import os\nimport re\n\nprint(re)\n", "b.py": "import sys\n"}
TIDY = {"a.py": "import re\n\nprint(re)\n", "b.py": ""}


def applied(patch: str, files: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The files after `git apply`, in a folder that is no repository of ours."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode())
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    if patch:
        subprocess.run(["git", "apply"], cwd=folder, check=True, input=patch.encode())
    return {path: (folder / path).read_bytes().decode() for path in files}


@dataclass
class Driver:
    """A worker of one process: what is owed is done until nothing is."""

    url: str
    client: httpx.AsyncClient
    resources: Resources
    given: Mapping[str, Any] = field(default_factory=dict)

    async def run(self, files: Mapping[str, str], constitution: str = CONSTITUTION, **more: Any) -> str:
        """A run of these files that has ended; its id."""
        body = {"source": {"kind": "files", "files": dict(files)}, "constitution": constitution, **more}
        answered = await self.client.post("/api/runs", json=body)
        assert answered.status_code == 202, answered.text
        run_id: str = answered.json()["id"]
        await self.work(run_id)
        return run_id

    async def work(self, run_id: str) -> None:
        """Bring a run to its end; a busy machine may take more than one attempt."""
        for _ in range(5):
            await app.work(self.url, run_id, **self.given)
            run = await self.get(f"/api/runs/{run_id}")
            if run["status"] in ("completed", "failed"):
                return
            await asyncio.sleep(1)
        raise AssertionError(f"it does not end: {run}")

    async def begin(self, run_id: str) -> str:
        answered = await self.client.post("/api/remediations", json={"run_id": run_id})
        assert answered.status_code == 202, answered.text
        found: str = answered.json()["id"]
        return found

    async def step(self, remediation_id: str) -> str:
        """One attempt at the remediation."""
        return await remediate(uuid.UUID(remediation_id), self.resources)

    async def go_on(self, remediation_id: str, *, most: int = 30) -> dict[str, Any]:
        """Until it has its result or somebody is needed; returns how it stands."""
        for _ in range(most):
            view = await self.view(remediation_id)
            if view["status"] == "verifying":
                await self.work(view["verification_run_id"])
                await following.follow(uuid.UUID(view["verification_run_id"]), self.resources)
            elif view["status"] == "awaiting_approval":
                if (Remediate.NAME, remediation_id) not in await self.owed():
                    return view
            elif (await self.client.get(f"/api/remediations/{remediation_id}/patch")).status_code == 200:
                return view
            await self.step(remediation_id)
        raise AssertionError(f"it does not end: {await self.view(remediation_id)}")

    async def get(self, path: str) -> Any:
        answered = await self.client.get(path)
        assert answered.status_code == 200, answered.text
        return answered.json()

    async def view(self, remediation_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/api/remediations/{remediation_id}")
        return found

    async def fixes(self, remediation_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"/api/remediations/{remediation_id}/fixes"))["items"]
        return found

    async def audit(self, remediation_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"/api/remediations/{remediation_id}/audit"))["items"]
        return found

    async def patch(self, remediation_id: str) -> str:
        answered = await self.client.get(f"/api/remediations/{remediation_id}/patch")
        assert answered.status_code == 200, answered.text
        return answered.text

    async def decide(self, fix_id: str, word: str = "approve") -> httpx.Response:
        return await self.client.post(f"/api/fixes/{fix_id}/{word}", json={"reason": "because"})

    async def owed(self) -> list[tuple[str, str]]:
        """Work items that are not done: (kind, subject)."""
        kinds = [FollowRun.NAME, Remediate.NAME]
        async with self.resources.db.transaction() as session:
            rows = await session.execute(
                text("SELECT kind, subject FROM work_items WHERE kind = ANY(:kinds) AND status = 'queued'"),
                {"kinds": kinds},
            )
            return [(row.kind, row.subject) for row in rows]


async def statuses(driver: Driver, remediation: str) -> list[str]:
    """Of its fixes, in their order."""
    return [one["status"] for one in await driver.fixes(remediation)]
