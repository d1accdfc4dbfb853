from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import git
from tests.support.github.driver import Driver, driver
from tests.support.github.server import APP_ID, GitHub, Repo, github

CONSTITUTION = "# Rules\n\n- Code MUST NOT call `eval()`.\n"
CLEAN = {"app.py": "def run(text):\n    return text\n", ".tribunal/constitution.md": CONSTITUTION}


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with github() as found:
        yield found


@pytest.fixture
async def drive(url: str, hub: GitHub) -> AsyncIterator[Driver]:
    async with driver(url, hub) as found:
        yield found


class Shop:
    """A private repository at GitHub with one clean commit, and the App installed."""

    def __init__(self, hub: GitHub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder / "shop"
        self.first = git.repository(self.folder, CLEAN)
        self.repo = hub.add(Repo(7, "acme/shop", 42, git=self.folder / ".git"))
        self.noted(self.first)

    def noted(self, sha: str, branch: str | None = "main") -> str:
        if branch is not None:
            self.repo.heads[branch] = sha
        for name in CLEAN:
            path = self.folder / name
            if path.is_file():
                self.repo.files[sha, name] = path.read_text()
        return sha

    def commit(self, files: dict[str, str], *, branch: str | None = "main") -> str:
        return self.noted(git.commit(self.folder, files), branch)

    def facts(self) -> dict[str, object]:
        return self.hub.describe(self.repo)

    def installed(self) -> dict[str, object]:
        listed = {"id": self.repo.id, "full_name": self.repo.full_name, "private": True}
        return {
            "action": "created",
            "installation": {"id": 42, "app_id": APP_ID},
            "repositories": [listed],
            "sender": {"login": "alice"},
        }

    def push(self, after: str, before: str, branch: str = "main") -> dict[str, object]:
        return {
            "ref": f"refs/heads/{branch}",
            "before": before,
            "after": after,
            "deleted": False,
            "repository": self.facts(),
            "installation": {"id": 42},
            "sender": {"login": "alice"},
        }

    def pull(
        self, head: str, base: str, *, number: int = 5, action: str = "opened", target: str = "main"
    ) -> dict[str, object]:
        asked = {"number": number, "head": {"ref": "change", "sha": head}, "base": {"ref": target, "sha": base}}
        return {
            "action": action,
            "number": number,
            "pull_request": asked,
            "repository": self.facts(),
            "installation": {"id": 42},
        }


@pytest.fixture
def shop(hub: GitHub, tmp_path: Path) -> Shop:
    return Shop(hub, tmp_path)
