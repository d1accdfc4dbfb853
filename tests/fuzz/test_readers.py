"""Every reader of strangers' bytes, on what a fuzzer found and in growing sizes; `bash start.sh fuzz` looks for more."""

import os
from pathlib import Path

import pytest

from invariant.fuzz import growth, loop, readers, repositories
from invariant.fuzz.targets import TARGETS, Target

_CORPUS = Path(__file__).parent / "corpus"
# What took seconds for a few kilobytes once, and what takes a hundred milliseconds for the largest of these.
_WORST = (
    ("index .yaml", "spaces"), ("index .go", "newlines"), ("index .py", "newlines"), ("index .py", "comments"),
    ("index .py", "continued lines"), ("index .c", "comments"), ("static .py", "passwords"), ("static .py", "password lists"),
    ("static .py", "lines"), ("static .js", "calls"), ("judge", "JSON fences"), ("judge", "newlines"), ("judged", "'masked' ' ' '!'"),
    ("message", "web tokens"), ("message", "URL chains"), ("quoted", "pairs"), ("citation", "pairs"), ("report", "JSON arrays"),
    ("constitution", "letters"), ("constitution", "imports"), ("constitution", "no-break spaces"), ("constitution", "no may"),
    ("statement", "escaped quotes"),
)  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_answers_every_input_that_a_fuzzer_kept(name: str) -> None:
    kept = list(loop.read_corpus(_CORPUS / name))
    assert kept
    wrong = {loop.name_of(data): loop.failure(TARGETS[name], data) for data in (*TARGETS[name].seeds, *kept)}
    assert {key: what for key, what in wrong.items() if what} == {}


@pytest.mark.parametrize(("name", "family"), _WORST)
def test_a_readers_time_grows_no_faster_than_its_text(name: str, family: str) -> None:
    assert family in growth.families()
    found = growth.too_fast(name, readers.readers()[name], largest=16_000, only=family)
    assert [str(grown) for grown in found] == []


def test_a_reader_that_takes_the_square_of_its_text_is_told_of() -> None:
    def square(text: str) -> None:
        for _ in text:
            text.count("b")

    assert [grown.family for grown in growth.too_fast("square", square, largest=64_000, only="letters", floor=0.01)]


def test_a_reader_that_fails_or_hangs_is_told_of() -> None:
    def hang(_: bytes) -> None:
        while True:
            pass

    assert "ZeroDivisionError" in str(loop.failure(Target(lambda data: 1 / len(data), ()), b""))
    assert "Hang" in str(loop.failure(Target(hang, ()), b""))


def test_the_loop_finds_what_fails_and_makes_it_small() -> None:
    def reader(data: bytes) -> None:
        if b"XY" in data:
            raise KeyError

    found = loop.fuzz(Target(reader, (b"a" * 40,), (b"X", b"Y")), [], seconds=20, seed=1)
    assert list(found.failures.values()) == [b"XY"]


def test_a_repository_is_the_same_for_the_same_number_and_can_be_written(tmp_path: Path) -> None:
    kinds = set()
    for seed in range(60):
        files = repositories.repository(seed)
        assert files == repositories.repository(seed)
        assert repositories.archive(seed) == repositories.archive(seed)
        for path, data in files.items():
            place = tmp_path / str(seed) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            kinds.add(path.rsplit(".", 1)[-1])
        written = [Path(folder, name) for folder, _, names in os.walk(tmp_path / str(seed)) for name in names]
        assert len(written) == len(files)
    assert {"py", "js", "go", "java", "rs", "c", "zip", "gz"} <= kinds
