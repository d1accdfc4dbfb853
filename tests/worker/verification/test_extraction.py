"""Criteria read by a model: checked against the text, merged, and completed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from worker.verification.extraction import Extracted

from invariant.bench.provider import completion
from tests.support import app, provider
from tests.support.provider import Reply, Request
from worker.core.db.database import Database
from worker.core.vocabulary import Severity
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.verification import criteria, extraction
from worker.verification.constitution.criteria import ConstitutionRejected

TEXT = """# The house rules

We keep passwords hashed, and (critical) nobody logs a token.

- Code MUST NOT call `eval()`.
- Functions ought to be short.
"""


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    found = Database(url, application="test", pool_size=4)
    yield found
    await found.dispose()


def item(quote: str, statement: str = "", **more: Any) -> dict[str, Any]:
    return {"quote": quote, "statement": statement or quote, "category": "security", "severity": "medium", **more}


async def extract(db: Database, items: list[dict[str, Any]], text: str = TEXT) -> Extracted:
    def script(request: Request) -> Reply:
        return Reply(completion(request, json.dumps({"criteria": items})))

    with provider.running(script) as server:
        door = Gateway(app.settings(**provider.settings(server)), db)
        return await extraction.by_model(text, door, Caller(None, None))


async def test_a_criterion_rests_on_words_that_are_there(db: Database) -> None:
    found = await extract(
        db,
        [
            item("We keep passwords hashed", "Passwords are stored as hashes."),
            item("nobody logs a\n token", "No token is logged."),
            item("Everything is licensed under MIT", "The licence is MIT."),
        ],
    )
    assert [c.statement for c in found.criteria] == [
        "Passwords are stored as hashes.",
        "No token is logged.",
        "Code MUST NOT call `eval()`.",
    ]
    assert [c.line for c in found.criteria] == [3, 3, 5]
    # A severity that the text gives wins over the model's.
    assert found.criteria[1].severity is Severity.CRITICAL
    assert any("«Everything is licensed" in note for note in found.notes)
    assert "The constitution says nothing of functionality and style." in found.notes


async def test_keys_come_from_the_quote_and_are_those_of_the_rules(db: Database) -> None:
    first = await extract(db, [item("Code MUST NOT call `eval()`.", "The code never calls eval.")])
    again = await extract(db, [item("Code MUST NOT call `eval()`.", "eval is not called anywhere.", severity="low")])
    (read,) = [c for c in criteria.read(TEXT) if "eval" in c.statement]
    assert [c.key for c in first.criteria] == [c.key for c in again.criteria] == [read.key]


async def test_what_says_the_same_is_merged_and_what_shares_a_quote_is_not(db: Database) -> None:
    quote = "We keep passwords hashed, and (critical) nobody logs a token."
    found = await extract(
        db,
        [
            item("Code MUST NOT call `eval()`.", "Code does not call eval."),
            item("Functions ought to be short.", "Functions are short.", severity="low"),
            item("Functions ought to be short.", "The functions are short.", severity="high"),
            item(quote, "Passwords are kept hashed."),
            item(quote, "No token is ever logged by anybody."),
        ],
    )
    short = [c for c in found.criteria if "unctions" in c.statement]
    assert [c.severity for c in short] == [Severity.HIGH]
    keys = [c.key for c in found.criteria]
    assert len(keys) == len(set(keys)) == 4
    assert any("merged" in note for note in found.notes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rule 1 holds everywhere.", "Rule 2 holds everywhere."),
        ("Errors are logged in production.", "Errors are not logged in production."),
        ("Code never calls `eval`.", "Code never calls `exec`."),
    ],
)
async def test_what_differs_in_the_one_word_that_counts_is_not_merged(db: Database, one: str, other: str) -> None:
    found = await extract(db, [item(one), item(other)], f"- {one}\n- {other}\n")
    assert [c.statement for c in found.criteria] == [one, other]


async def test_a_text_that_says_nothing_is_a_clear_error(db: Database) -> None:
    with pytest.raises(ConstitutionRejected, match="says nothing that can be checked"):
        await extract(db, [], "We are a friendly team.\n")


async def test_a_long_text_is_read_in_parts(db: Database) -> None:
    text = "".join(f"# Part {n}\n\n" + "We like what we do. " * 100 + f"\n\n- Rule {n} MUST hold.\n" for n in range(12))

    def script(request: Request) -> Reply:
        return provider.judging(provider.honest)(request)

    with provider.running(script) as server:
        door = Gateway(app.settings(**provider.settings(server)), db)
        found = await extraction.by_model(text, door, Caller(None, None))
        assert len(server.requests) > 1
    assert [c.statement for c in found.criteria] == [f"Rule {n} MUST hold." for n in range(12)]
    assert [text.split("\n")[c.line - 1] for c in found.criteria] == [f"- Rule {n} MUST hold." for n in range(12)]
