"""What is read from a constitution."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.vocabulary import Category, Severity
from worker.verification import criteria
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion, read


def by_statement(text: str) -> dict[str, Criterion]:
    return {criterion.statement: criterion for criterion in read(text)}


def test_list_items_sentences_and_headings() -> None:
    found = by_statement(
        """# Title

All code MUST be tested. This sentence only explains. Users are happy.

## Functions MUST NOT use mutable default arguments

Because they are shared.

## Security

- No `eval()` anywhere
- Modules:
  - never use wildcard imports
  - have docstrings

1. Numbered rules count
"""
    )
    assert list(found) == [
        "All code MUST be tested.",
        "Functions MUST NOT use mutable default arguments",
        "No `eval()` anywhere",
        "Modules: never use wildcard imports",
        "Modules: have docstrings",
        "Numbered rules count",
    ]
    assert [criterion.line for criterion in found.values()] == [3, 5, 11, 13, 14, 16]


@pytest.mark.parametrize(
    ("statement", "severity"),
    [
        ("Code MUST be good", "high"),
        ("Code SHALL NOT be bad", "high"),
        ("Secrets are never logged", "high"),
        ("Code SHOULD be short", "medium"),
        ("Imports are sorted", "medium"),
        ("Imports are sorted (low)", "low"),
        ("[critical] Code SHOULD be safe", "critical"),
        ("Names MUST be clear [severity: low]", "low"),
    ],
)
def test_severity(statement: str, severity: str) -> None:
    assert read(f"- {statement}\n")[0].severity == severity


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("- Passwords MUST be hashed", Category.SECURITY),
        ("- Every function has a docstring", Category.STYLE),
        ("- Orders MUST be paid before they are sent", Category.FUNCTIONALITY),
        ("## Security\n- Orders MUST be paid before they are sent", Category.SECURITY),
        ("- [style] Orders MUST be paid", Category.STYLE),
    ],
)
def test_category(text: str, category: Category) -> None:
    assert read(text)[0].category is category


def test_what_permits_or_only_informs_is_no_criterion() -> None:
    text = "- Users MAY log in\n- Code MUST be good\n\n## References\n\n- the book of rules\n\n### More\n\n- more\n"
    assert list(by_statement(text)) == ["Code MUST be good"]


def test_code_blocks_are_not_read() -> None:
    assert list(by_statement("- Code MUST be good\n\n```\n- Code MUST be bad\n```\n")) == ["Code MUST be good"]


def test_keys_survive_reordering_and_rewording_of_the_rest() -> None:
    first = {c.statement: c.key for c in read("- Code MUST be good\n- No eval anywhere\n")}
    second = {c.statement: c.key for c in read("# New\n\n## Security\n\n* No eval anywhere\n* Code MUST be good\n")}
    assert first == second
    assert len(set(first.values())) == 2


def test_the_same_statement_counts_once() -> None:
    assert len(read("- Code MUST be good\n- code must be `good`.\n")) == 1


@pytest.mark.parametrize(
    "text", ["", "Hello there.", "# Title", "```\n- MUST\n```", "- ok", "\n" * 1000, "<!-- MUST be -->"]
)
def test_nothing_checkable_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ConstitutionRejected, match="MUST NOT call eval"):
        read(text)


def test_too_many_are_refused_not_cut() -> None:
    with pytest.raises(ConstitutionRejected, match="501"):
        read("".join(f"- Rule number {n} holds\n" for n in range(criteria.MAX_CRITERIA + 1)))


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read(text)
    except ConstitutionRejected:
        return
    assert len({criterion.key for criterion in found}) == len(found)
    for criterion in found:
        assert isinstance(criterion.severity, Severity)
        assert criterion.statement.strip() == criterion.statement != ""
