"""What of a prompt is shared, byte for byte: by the judges of a batch, by both rounds, by two constitutions."""

from pathlib import Path

import worker.core
from tests.support.app import settings
from tests.worker.analyzers.test_analyze import snapshot
from worker.analyzers.analyze import Analysis
from worker.core.vocabulary import JudgeRole
from worker.sources.snapshot import Snapshot
from worker.verification import batching, panel, search
from worker.verification.constitution import reading
from worker.verification.context.index import Index
from worker.verification.tribunal import Case

ONE = "- Secrets MUST NOT be logged.\n- Errors MUST be told to the caller.\n- A lease MUST end.\n"
OTHER = "- Every event MUST have a number.\n- Time MUST be in UTC.\n"
TASK = "On x:\n- architect: FAIL, score 3. " + "It is told nowhere, and nobody would know. " * 12


def beginning(texts: list[str]) -> str:
    """What all of them begin with."""
    first, last = min(texts), max(texts)
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def real(folder: Path) -> Snapshot:
    """Code that people use: this project's own."""
    root = Path(worker.core.__file__).parent
    return snapshot(folder, {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.py")})


def prompts(taken: Snapshot, text: str, tokens: int) -> list[list[str]]:
    """Per batch, what each judge is sent in each round."""
    criteria = list(reading.read(text).criteria)
    case = Case(taken, Analysis((), (), ()), criteria, Index.of(taken), search.scoped(search.Texts(taken), criteria))
    overview, batches = batching.batches(case, settings(CVA_CONTEXT_TOKENS=tokens))
    sent = []
    for batch in batches:
        keys = [criterion.key for criterion in batch.criteria]
        asked = [
            panel.messages(overview, batch.context, batch.criteria, role, keys, task=task)
            for role in JudgeRole
            for task in ("", TASK)
        ]
        assert all(messages[: panel.BATCH] == asked[0][: panel.BATCH] for messages in asked)
        sent.append(["\n".join(message["content"] for message in messages) for messages in asked])
    return sent


def test_most_of_a_batchs_prompt_is_the_same_for_all_judges_and_both_rounds(tmp_path: Path) -> None:
    taken = real(tmp_path)
    for tokens in (12_000, 200_000):
        for batch in prompts(taken, ONE, tokens):
            shared = len(beginning(batch).encode())
            assert all(shared >= 0.85 * len(text.encode()) for text in batch)


def test_another_constitution_begins_with_the_same_bytes(tmp_path: Path) -> None:
    taken = real(tmp_path)
    one, other = (prompts(taken, text, 200_000)[0] for text in (ONE, OTHER))
    shared = len(beginning([*one, *other]))
    # The rules and the whole repository.
    assert shared >= sum(file.size for file in taken.files)
    # Where it does not fit, what all share is small, and the same.
    one, other = (prompts(taken, text, 12_000)[0] for text in (ONE, OTHER))
    assert "Folders of the repository" in beginning([*one, *other])
