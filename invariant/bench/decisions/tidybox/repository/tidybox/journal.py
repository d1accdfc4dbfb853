"""The journal of moves; the only module that may delete a file."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


class JournalError(Exception):
    """The journal cannot be read."""


class Journal:
    """An append-only file of moves."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, source: Path, target: Path) -> None:
        """Note a move that is about to happen."""
        entry = {
            "at": datetime.now(UTC).isoformat(),
            "from": str(source),
            "to": str(target),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def newest_first(self) -> Iterator[tuple[Path, Path]]:
        """Yield the moves, the latest first."""
        if not self.path.exists():
            raise JournalError(f"no journal at {self.path}")
        for line in reversed(self.path.read_text(encoding="utf-8").splitlines()):
            entry = json.loads(line)
            yield Path(entry["from"]), Path(entry["to"])

    def forget(self) -> None:
        """Delete the journal."""
        self.path.unlink(missing_ok=True)
