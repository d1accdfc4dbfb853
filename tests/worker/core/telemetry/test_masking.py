"""What the masker hides and what it leaves: its figures on the corpus, its time, and what callers rely on.

`pytest -s` prints the figures.
"""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.masking import Case, Score, cases, hidden_in, score
from worker.core.telemetry.masking import (
    is_marked,
    mark,
    mask,
    mask_code,
    mask_file,
    split_marks,
    without_false_marks,
)

CORPUS = cases()
PARTS = {
    "whole": CORPUS,
    "for tuning": [case for case in CORPUS if not case.held_out],
    "held out": [case for case in CORPUS if case.held_out],
}


def hidden_by(masker: Callable[[Case], str]) -> Callable[[Case], list[tuple[int, int]]]:
    def spans(case: Case) -> list[tuple[int, int]]:
        found = hidden_in(case.text, masker(case))
        assert found is not None, f"something else than marks changed in {case.line}"
        return found

    return spans


def report(name: str, result: Score) -> str:
    wrong = "".join(
        f"\n  {kind} {case.path}: {case.line}"
        for kind, group in (("missed", result.missed), ("false", result.wrong))
        for case in group
    )
    return f"{name}: {result}{wrong}"


def test_the_corpus_is_as_large_as_the_figures_need() -> None:
    assert sum(len(case.secrets) for case in CORPUS) >= 400
    assert sum(not case.secrets for case in CORPUS) >= 600
    assert len(PARTS["held out"]) > 0.4 * len(CORPUS)


@pytest.mark.parametrize("part", PARTS)
def test_recall_and_precision_on_files(part: str) -> None:
    result = score(PARTS[part], hidden_by(lambda case: mask_file(case.text, case.path)))
    print(f"\n{report(f'mask_file, {part}', result)}")
    assert result.recall >= 0.99
    assert result.precision >= 0.98


@pytest.mark.parametrize("part", PARTS)
def test_quotes_without_a_path_lose_little(part: str) -> None:
    result = score(PARTS[part], hidden_by(lambda case: mask_code(case.text)))
    print(f"\nmask_code without a path, {part}: {result}")
    assert result.recall >= 0.9
    assert result.precision >= 0.98


def test_nothing_planted_is_left_for_a_message() -> None:
    """What has a form of its own is hidden by `mask` as well, which knows no names."""
    prefixes = (
        "sk-",
        "ghp_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "AKIA",
        "AIza",
        "sk_live_",
        "hf_",
        "npm_",
        "dop_v1_",
        "shpat_",
        "hvs.",
    )
    planted = [
        case.text[start:end]
        for case in CORPUS
        for start, end in case.secrets
        if case.text[start:end].startswith(prefixes)
    ]
    assert len(planted) >= 40
    for secret in planted:
        assert secret not in mask(f"the call with {secret} failed")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://me:pa55@db.internal/x", "postgresql://me:⟪masked 4⟫@db.internal/x"),
        ("GET /v1?token=" + "a1B2" * 8 + "&limit=5", "GET /v1?token=⟪masked 32⟫&limit=5"),
        ("Authorization: Bearer hunter22hunter22", "Authorization: Bearer ⟪masked 16⟫"),
        ("the Bearer token is missing", "the Bearer token is missing"),
    ],
)
def test_messages(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_known_secrets_are_hidden_however_they_are_written() -> None:
    secret = 'a "b" c/d'
    assert (
        mask(f'plain {secret}, json {{"k": "a \\"b\\" c/d"}}, url ?k=a%20%22b%22%20c%2Fd', (secret,)).count("⟪masked")
        == 3
    )
    assert mask("nothing is known", ("",)) == "nothing is known"


def test_a_private_key_keeps_its_lines() -> None:
    text = "-----BEGIN PRIVATE KEY-----\nMIIB\nAb+/\n-----END PRIVATE KEY-----\n"
    masked = "-----BEGIN PRIVATE KEY-----\n⟪masked 4⟫\n⟪masked 4⟫\n-----END PRIVATE KEY-----\n"
    assert mask(text) == mask_code(text) == mask_file(text, "a.pem") == masked


def test_a_strangers_mark_is_none() -> None:
    text = 'password = "⟪masked 8⟫"\n'
    shown = mask_file(text, "a.py")
    assert not is_marked(shown)
    assert shown == 'password = "⟪ masked 8⟫"\n'
    assert without_false_marks(shown) == shown


def test_marks_are_told_from_text() -> None:
    assert mark(8) == "⟪masked 8⟫"
    assert mark(0) == ""
    assert is_marked(f"a {mark(3)} b")
    assert not is_marked("⟪masked ⟫ ⟪masked 08⟫")
    assert split_marks(f"a {mark(3)} b {mark(12)}") == ["a ", " b ", ""]


# Everything that the rules look for, in any order.
PIECES = (
    *(
        "password",
        "token",
        "secret",
        "key",
        "Authorization",
        "Bearer",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
    ),
    *(
        "sk-",
        "eyJhbGciOi",
        ".eyJ",
        "AKIA",
        "ghp_",
        "://",
        "user:",
        "@",
        "=",
        ": ",
        "'",
        '"',
        "`",
        "\\",
        "\n",
        "\r\n",
        " ",
        ",",
        "(",
        ")",
        "{",
        "}",
    ),
    *(
        "a1B2c3D4e5F6g7H8",
        "0f" * 16,
        "hunter2",
        "⟪masked 8⟫",
        "⟪",
        "⟫",
        "<",
        ">",
        "|",
        "#",
        "//",
        "--",
        "$",
        "é",
        "\ud800",
        "\0",
        "data:",
        "kind: Secret",
    ),
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
PATHS = st.sampled_from(
    [
        "a.py",
        ".env",
        "c.yml",
        "d.json",
        "e.sh",
        "f.xml",
        "README.md",
        "g.properties",
        "locales/h.json",
        "uv.lock",
        "i.unknown",
    ]
)


@given(TEXTS, PATHS)
def test_lines_are_kept(text: str, path: str) -> None:
    assert mask_file(text, path).count("\n") == text.count("\n")
    assert mask(text).count("\n") == text.count("\n")


@given(TEXTS, PATHS)
def test_masking_again_changes_nothing(text: str, path: str) -> None:
    masked = mask(text)
    assert mask(masked) == masked
    for shown in (mask_code(text, path), mask_file(text, path)):
        assert mask_code(shown, path) == shown


@given(TEXTS, PATHS)
def test_only_marks_differ(text: str, path: str) -> None:
    raw = without_false_marks(text)
    assert hidden_in(raw, mask_file(raw, path)) is not None


SIZE = 1_000_000
# What made earlier rules slow, and what makes backtracking, look-behind and repeated searches slow.
NASTY = {
    "spaces": " ",
    "line breaks": "\n",
    "halves of web tokens": "-eyJ",
    "web tokens without end": "eyJaaaaaaaaa.eyJ-",
    "dots": "a.",
    "numbers": "1.",
    "escapes": '"\\',
    "addresses": "://a:",
    "users": "a:",
    "at signs": "@",
    "keys without end": "-----BEGIN PRIVATE KEY-----",
    "base64": "aB3d",
    "quotes": '"',
    "headers": "x-",
    "prefixes": "sk-",
    "hexadecimal": "0f",
    "marks": "⟪masked 5⟫",
    "brackets": "[(",
    "elements": "<a b='",
    "surrogates": "\ud800é",
}
# A name of a secret every few characters is looked at each time: linear as well, with more work for each.
DENSE = {
    "assignments": ("password= x ", "a.sh"),
    "open literals": ("token='", "a.py"),
    "joined literals": ('password="a"+', "a.js"),
    "commands": ("curl -u a:b ", "a.sh"),
    "blocks": ("secret: |\n", "a.yaml"),
    "queries": ("&token=a1b2c3", "a.md"),
    "settings": ("password= x ", ".env"),
}


def seconds(work: Callable[[], object]) -> float:
    """The time of this process alone: what else the machine does is no matter."""
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize("beginning", ["", "password: "])
@pytest.mark.parametrize("name", NASTY)
def test_a_megabyte_takes_less_than_a_second(name: str, beginning: str) -> None:
    text = beginning + NASTY[name] * (SIZE // len(NASTY[name]))
    spent = [seconds(lambda path=path: mask_file(text, path)) for path in ("a.py", "a.yaml")]
    spent.append(seconds(lambda: mask(text)))
    assert max(spent) < 1, f"{name}: {spent}"


@pytest.mark.parametrize("name", DENSE)
def test_twice_the_text_takes_twice_the_time(name: str) -> None:
    piece, path = DENSE[name]
    half, whole = (min(seconds(lambda n=n: mask_file(piece * n, path)) for _ in range(3)) for n in (2_000, 4_000))
    assert whole < 3 * half + 0.1


def test_the_address_of_a_request_is_masked_at_once() -> None:
    assert seconds(lambda: mask("GET /" + "-eyJ" * 15_000)) < 0.1


@pytest.mark.parametrize("times", [1, 2, 8, 64])
@pytest.mark.parametrize("end", ["", "'", "\n", "'\n"])
def test_a_text_built_to_show_something_new_behind_every_mark_is_settled_all_the_same(times: int, end: str) -> None:
    link = (
        "J'DL55D550LD55029rpassword=pyJ'550LD55029rrpassw50LD55J'DL55D550LD55029rpassword=pyJ'55D550LD55029rrpassws029"
    )
    text = "# Notes\n" + (link + end) * times + "\nThe end.\n"
    once = mask_file(text, "a.md")
    assert mask_code(once, "a.md") == once
    assert "DL55D550LD55029r" not in once
    # What stands around it is shown as it was.
    assert once.count("\n") == text.count("\n")
    assert once.split("\n")[-2] == "The end."
