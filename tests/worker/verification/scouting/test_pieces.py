"""Pieces depend on what stands in the files, and on nothing else."""

import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from worker.verification import lines as lines_of
from worker.verification.context.chunks import cut
from worker.verification.scouting.pieces import Piece, Span, fragments, pieces

ROOM = 3000


def made(files: dict[str, str], room: int = ROOM) -> list[Piece]:
    found: list[tuple[int, int, Span]] = []
    for path, text in files.items():
        found += fragments(cut(path, tuple(lines_of.of(text)), text), room)
    return pieces(found, room)


def questions(found: Iterable[Piece]) -> set[tuple[int, ...]]:
    return {tuple(fragment.key for fragment in piece.fragments) for piece in found}


def repository(count: int, seed: int = 1) -> dict[str, str]:
    choose = random.Random(seed)
    return {
        f"part{n % 7}/m{n}.py": "".join(
            f"def f_{n}_{i}(value):\n    return value + {choose.random()}\n\n\n" for i in range(choose.randint(1, 90))
        )
        for n in range(count)
    }


texts = st.dictionaries(
    st.sampled_from([f"d/{n}.py" for n in range(20)]),
    st.text(alphabet="ab \n\r\tdef(): é漢", max_size=2000),
    max_size=12,
)


@given(texts, st.integers(100, 2000))
def test_every_line_that_says_something_is_in_one_piece_if_it_fits(files: dict[str, str], room: int) -> None:
    found = made(files, room)
    covered: dict[str, list[int]] = {path: [] for path in files}
    for piece in found:
        assert piece.size <= room or len(piece.fragments) == 1
        for fragment in piece.fragments:
            assert fragment.size <= room // 2
            for place in fragment.places:
                covered[place.path] += range(place.start, place.end + 1)
    for path, text in files.items():
        assert len(covered[path]) == len(set(covered[path]))
        for number, line in enumerate(lines_of.of(text), start=1):
            if line.strip() and len(line.encode()) + 6 <= room // 2:
                assert number in covered[path]


def test_the_order_and_the_names_of_files_change_nothing() -> None:
    files = repository(60)
    shuffled = list(files.items())
    random.Random(2).shuffle(shuffled)
    renamed = {f"elsewhere/{n}.py": text for n, (_, text) in enumerate(shuffled)}
    assert questions(made(files)) == questions(made(dict(shuffled))) == questions(made(renamed))


def test_a_changed_file_changes_its_own_piece_and_seldom_another() -> None:
    files = repository(300)
    before = questions(made(files))
    changed = 0
    for path in random.Random(3).sample(sorted(files), 20):
        small = len(files[path].encode()) < ROOM // 2
        after = questions(made({**files, path: f"import os\n{files[path]}"}))
        # A piece that grows too large is halved, two that shrink are put together.
        assert len(after - before) <= (3 if small else 12)
        changed += len(after - before) if small else 0
    assert changed <= 20


def test_the_same_text_is_asked_about_once() -> None:
    text = "def one(value):\n    return value\n"
    (piece,) = made({"a.py": text, "b/c.py": text})
    assert [place.path for place in piece.fragments[0].places] == ["a.py", "b/c.py"]


def test_a_long_file_is_cut_where_definitions_begin() -> None:
    text = "".join(f"def function_{n}(value):\n    return value * {n}\n\n\n" for n in range(200))
    starts = sorted(place.start for piece in made({"a.py": text}) for f in piece.fragments for place in f.places)
    lines = text.splitlines()
    assert len(starts) > 4
    assert all(lines[start - 1].startswith("def ") for start in starts)


def test_a_line_of_a_machines_length_is_in_no_piece() -> None:
    text = f"x = 1\n{'y' * 10 * ROOM}\nz = 2\n"
    covered = {
        number
        for piece in made({"a.js": text})
        for fragment in piece.fragments
        for place in fragment.places
        for number in range(place.start, place.end + 1)
    }
    assert covered == {1, 3}
