"""Each topic has its proof: what breaks a rule never passes, what only looks like it never fails."""

from collections.abc import Iterator

import pytest

from tests.worker.verification.static.proofs import PROOFS, Case, Proof
from tests.worker.verification.static.small import Files, Small, analysed, decided
from worker.core.vocabulary import Outcome
from worker.verification.static.topics import TOPICS

_KINDS = ("fails", "breaks", "similar", "keeps")


def _files(case: Case) -> Files:
    return {"src/app/a.py": case} if isinstance(case, str) else case


def _cases() -> Iterator[tuple[Proof, str, Files]]:
    for proof in PROOFS:
        for kind in _KINDS:
            for case in getattr(proof, kind):
                yield proof, kind, _files(case)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Proof, str, Files, Small]]:
    stated = list(_cases())
    smalls = analysed(tmp_path_factory.mktemp("proofs"), [files for _, _, files in stated])
    return [(proof, kind, files, small) for (proof, kind, files), small in zip(stated, smalls, strict=True)]


def _right(kind: str, outcome: Outcome) -> bool:
    match kind:
        case "fails":
            return outcome is Outcome.FAIL
        case "keeps":
            return outcome is Outcome.PASS
        case "breaks":
            return outcome is not Outcome.PASS
        case _:
            return outcome is not Outcome.FAIL


@pytest.mark.parametrize("proof", PROOFS, ids=[proof.topic for proof in PROOFS])
def test_a_topic_decides_what_it_can_prove(proof: Proof, cases: list[tuple[Proof, str, Files, Small]]) -> None:
    wrong = []
    for owner, kind, files, small in cases:
        if owner is proof:
            (result,) = decided(proof.rule, small)
            if not _right(kind, result.outcome):
                wrong.append(f"{kind}: {result.outcome} for {str(files)[:200]}: {result.reason}")
    assert not wrong, "\n".join(wrong)


def test_every_topic_has_a_proof() -> None:
    proven = {proof.topic: proof for proof in PROOFS}
    assert sorted(proven) == sorted(topic.name for topic in TOPICS)
    for topic in TOPICS:
        proof = proven[topic.name]
        assert proof.fails, topic.name
        assert proof.similar, topic.name
        assert bool(proof.keeps) is bool(topic.words or topic.silent), topic.name
