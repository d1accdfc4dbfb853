"""Verify the cases of a suite over HTTP, several at once, and keep each answer as it comes: what is there is not asked
again."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.http import ApiError, Client
from invariant.bench.decisions.cases import Case
from invariant.eval import answers
from invariant.eval.answers import CaseAnswers
from invariant.verify import source_of


@dataclass(frozen=True)
class Kept:
    """Answers of a configuration, in a file of one JSON document a line: the case's digest and what was said."""

    path: Path

    def load(self) -> dict[str, CaseAnswers]:
        """Digest of a case → its answers; the last line of a case counts, and one that was cut off does not."""
        found: dict[str, CaseAnswers] = {}
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").split("\n"):
                try:
                    document = json.loads(line)
                    found[document["digest"]] = CaseAnswers.from_document(document["answers"])
                except (ValueError, KeyError, TypeError):
                    continue
        return found

    def add(self, digest: str, given: CaseAnswers) -> None:
        """Append the answers of one case."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"digest": digest, "answers": given.document()}, ensure_ascii=False)
        before = self.path.read_bytes()[-1:] if self.path.is_file() else b"\n"
        with self.path.open("a", encoding="utf-8") as file:
            # A line that was cut off stays one of its own.
            file.write(("" if before in (b"\n", b"") else "\n") + line + "\n")


def digest(case: Case) -> str:
    """Of everything that the case consists of."""
    found = hashlib.sha256()
    for path in sorted(path for path in case.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        found.update(f"{path.relative_to(case.folder).as_posix()}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def run(
    client: Client, cases: Sequence[Case], kept: Kept, *, at_once: int, is_local: bool, told: Callable[[str], None]
) -> list[CaseAnswers]:
    """The answers of all cases, in their order; an ERROR is asked again the next time. Raises ApiError."""
    known = {key: given for key, given in kept.load().items() if given.verdict != "ERROR"}
    digests = {case.name: digest(case) for case in cases}
    missing = [case for case in cases if digests[case.name] not in known]
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        futures = {pool.submit(_verified, client, case, is_local): case for case in missing}
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                case = futures[future]
                given = future.result()
                kept.add(digests[case.name], given)
                known[digests[case.name]] = given
                told(f"{number} of {len(missing)}: {case.name} {given.verdict}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [known[digests[case.name]] for case in cases]


def _verified(client: Client, case: Case, is_local: bool) -> CaseAnswers:
    source: dict[str, str]
    if case.source is not None:
        source, labels = {"kind": "git", "url": case.source.url, "ref": case.source.commit}, {"event": "eval"}
    else:
        source, labels = source_of(client, case.repository, is_local=is_local)
    run_id = client.enqueue(source, case.constitution, labels={**labels, "eval": case.name})["id"]
    for _ in client.follow(run_id):
        pass
    document: dict[str, Any] = client.verdict(run_id)
    return answers.of(case, document)


def loaded(path: Path) -> list[CaseAnswers]:
    """The answers in a file that `run` has written. Raises ApiError."""
    # Of a case that was changed meanwhile the newest answers count.
    found = {given.case: given for given in Kept(path).load().values()}
    if not found:
        raise ApiError(f"{path} holds no answers of a suite.")
    return list(found.values())
