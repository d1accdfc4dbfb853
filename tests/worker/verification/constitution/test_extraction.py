"""Criteria read by a model: checked against the text, completed, merged. Models here leave out, invent and lie."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from invariant.bench.provider import answer, completion, criterion
from tests.support import app, provider
from tests.support.provider import Reply, Request
from worker.core.db.database import Database
from worker.core.vocabulary import CriterionKind, Severity
from worker.isolation.room import Room
from worker.llm.gateway import Gateway
from worker.llm.ledger import Caller
from worker.verification.constitution import extraction, reading
from worker.verification.constitution.criteria import ConstitutionRejected
from worker.verification.constitution.reading import Fate, Reading

TEXT = """# The house rules

We keep passwords hashed, and (critical) nobody logs a token.

- Code MUST NOT call `eval()`.
- Functions ought to be short.
"""
RULES = """# Rules

- Code MUST NOT call `eval()`.
- Every endpoint must have a timeout.
- Avoid global state.
- Secrets MUST NOT be committed, except in `tests/`.
- Never:
  - swallow exceptions
  - log passwords
- The repository MUST contain a LICENSE.
"""
Items = list[dict[str, Any]]
Model = Callable[[Request], dict[str, Any]]


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url, application="test", pool_size=4)
    yield database
    await database.dispose()


def item(quote: str, statement: str = "", **more: Any) -> dict[str, Any]:
    return criterion(quote, **{"statement": statement or quote, "category": "security", "severity": "medium", **more})


def rules(text: str) -> dict[str, str]:
    """Statement by the quote, as the rules read them."""
    return {c.quote: c.statement for c in reading.read(text).criteria}


async def asked(db: Database, model: Model, text: str) -> tuple[Reading, list[Request]]:
    def script(request: Request) -> Reply:
        return Reply(completion(request, json.dumps({"criteria": [], "not_read": [], **model(request)})))

    with provider.running(script) as server:
        gateway = Gateway(app.settings(**provider.settings(server)), db)
        async with app.isolation().open(Room()) as process:
            read = await extraction.by_model(text, gateway, Caller(None, None), process)
        return read, list(server.requests)


async def extract(db: Database, items: Items, text: str = TEXT, **more: Any) -> Reading:
    return (await asked(db, lambda _: {"criteria": items, **more}, text))[0]


def duties_are_kept(read: Reading, text: str) -> None:
    """Whatever the rules find to be required is in a criterion that counts, whole."""
    by_rules = reading.read(text)
    for known in by_rules.criteria:
        held = [c for c in read.criteria if c.quote == known.quote or c.statement == known.statement]
        assert held, known.statement
        assert all(c.kind is not CriterionKind.PROCESS for c in held)
        assert all(c.scope.include == known.scope.include for c in held)
        assert all(c.scope.exclude == known.scope.exclude for c in held)


async def test_a_criterion_rests_on_words_that_are_there(db: Database) -> None:
    read = await extract(
        db,
        [
            item("We keep passwords hashed", "Passwords are stored as hashes."),
            item("nobody logs a\n token", "No token is logged.", kind="forbids"),
            item("Everything is licensed under MIT", "The licence is MIT."),
        ],
    )
    assert [c.statement for c in read.criteria] == [
        "Passwords are stored as hashes.",
        "No token is logged.",
        "Code MUST NOT call `eval()`.",
        "Functions ought to be short.",
    ]
    assert [c.line for c in read.criteria] == [3, 3, 5, 6]
    # A severity that the text gives wins over the model's.
    assert read.criteria[1].severity is Severity.CRITICAL
    assert any("«Everything is licensed" in note for note in read.notes)
    assert any("2 requirement(s)" in note for note in read.notes)


async def test_keys_come_from_the_quote_and_are_those_of_the_rules(db: Database) -> None:
    first = await extract(db, [item("Code MUST NOT call `eval()`.", "The code never calls eval.")])
    again = await extract(db, [item("Code MUST NOT call `eval()`.", "eval is not called anywhere.", severity="low")])
    (known,) = [c for c in reading.read(TEXT).criteria if "eval" in c.statement]
    for read in (first, again):
        assert known.key in [c.key for c in read.criteria]


async def test_what_says_the_same_is_merged_and_what_shares_a_quote_is_not(db: Database) -> None:
    quote = "We keep passwords hashed, and (critical) nobody logs a token."
    read = await extract(
        db,
        [
            item("Code MUST NOT call `eval()`.", "Code does not call `eval`.", kind="forbids"),
            item("Functions ought to be short.", "Functions are short.", severity="low"),
            item("Functions ought to be short.", "The functions are short.", severity="high"),
            item(quote, "Passwords are kept hashed."),
            item(quote, "No token is ever logged by anybody."),
        ],
    )
    short = [c for c in read.criteria if "unctions" in c.statement]
    assert [c.severity for c in short] == [Severity.HIGH]
    keys = [c.key for c in read.criteria]
    assert len(keys) == len(set(keys)) == 4
    assert any("merged" in note for note in read.notes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rule 1 holds everywhere.", "Rule 2 holds everywhere."),
        ("Errors are logged in production.", "Errors are not logged in production."),
        ("Code never calls `eval`.", "Code never calls `exec`."),
        ("Пароли должны быть скрыты.", "Пароли не должны быть скрыты."),
    ],
)
async def test_what_differs_in_the_one_word_that_counts_is_not_merged(db: Database, one: str, other: str) -> None:
    read = await extract(db, [item(one), item(other)], f"- {one}\n- {other}\n")
    assert [c.statement for c in read.criteria] == [one, other]


async def test_a_text_that_says_nothing_is_a_clear_error(db: Database) -> None:
    with pytest.raises(ConstitutionRejected, match="says nothing that can be checked"):
        await extract(db, [], "We are a friendly team.\n")


async def test_a_long_text_is_read_in_parts(db: Database) -> None:
    text = "".join(f"# Part {n}\n\n" + "We like what we do. " * 100 + f"\n\n- Rule {n} MUST hold.\n" for n in range(12))
    read, requests = await asked(db, lambda request: json.loads(answer(request)), text)
    assert len(requests) > 1
    assert [c.statement for c in read.criteria] == [f"Rule {n} MUST hold." for n in range(12)]
    assert [text.split("\n")[c.line - 1] for c in read.criteria] == [f"- Rule {n} MUST hold." for n in range(12)]


async def test_a_part_is_shown_what_stands_above_it(db: Database) -> None:
    items = "".join(f"- thing number {n} of a long list of things\n" for n in range(400))
    _, requests = await asked(db, lambda _: {}, f"# Rules\n\nThe following MUST NOT be used:\n\n{items}")
    firsts = [request for request in requests if "requires nothing" not in request.text]
    assert len(firsts) > 1
    assert all("The following MUST NOT be used:" in request.text for request in firsts)


# Models that do harm, each with all the criteria of RULES in its own way.
def _all(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Items:
    return [change(item(quote, statement)) for quote, statement in rules(RULES).items()]


LIARS: dict[str, Items] = {
    "nothing": [],
    "half": _all(dict)[::2],
    "process": _all(lambda i: {**i, "kind": "process"}),
    "somewhere": _all(lambda i: {**i, "kind": "somewhere"}),
    "only documents": _all(lambda i: {**i, "only_in": ["docs/"], "limit_quote": "Rules"}),
    "not in the source": _all(lambda i: {**i, "not_in": ["src/"], "limit_quote": i["quote"]}),
    "scope in the statement": _all(lambda i: {**i, "statement": f"In `docs/`: {i['statement']}"}),
    "only what is excepted": _all(lambda i: {**i, "only_in": ["tests/"], "limit_quote": "except in `tests/`"}),
    "invented quotes": [item(f"Invented rule number {n} MUST hold") for n in range(8)],
    "one word": _all(lambda i: {**i, "quote": i["quote"].split()[0]}),
    "two words": _all(lambda i: {**i, "quote": " ".join(i["quote"].split()[:2])}),
    "one statement for all": _all(lambda i: {**i, "statement": "The repository is good."}),
    "the opposite": _all(
        lambda i: {**i, "statement": i["statement"].replace("MUST NOT", "MUST").replace("Avoid", "Use")}
    ),
    "patterns that match nothing": _all(
        lambda i: {**i, "kind": "forbids", "patterns": ["zzzzqqqq", "$^", "a^b", "eval$\\("]}
    ),
    "patterns that match all": _all(lambda i: {**i, "patterns": [".*", "", "("]}),
}


@pytest.mark.parametrize("liar", LIARS)
async def test_no_model_makes_a_duty_disappear(db: Database, liar: str) -> None:
    said = [{"line": n, "why": "no requirement"} for n in range(1, 12)]
    read = await extract(db, LIARS[liar], RULES, not_read=said)
    duties_are_kept(read, RULES)
    assert not read.unread
    by_quote = {c.quote: c for c in read.criteria}
    for quote in ("Code MUST NOT call `eval()`.", "Every endpoint must have a timeout."):
        assert by_quote[quote].kind in (CriterionKind.EVERYWHERE, CriterionKind.FORBIDS)
    # What the text names is searched for, whatever else is; what can match nothing is not.
    if by_quote["Code MUST NOT call `eval()`."].kind is CriterionKind.FORBIDS:
        assert "eval" in by_quote["Code MUST NOT call `eval()`."].patterns
    assert not {"$^", "a^b", "eval$\\("} & {pattern for c in read.criteria for pattern in c.patterns}
    assert all("docs" not in c.statement and "good" not in c.statement for c in read.criteria)
    assert {line.fate for line in read.lines} == {Fate.CRITERION, Fate.PART}


async def test_what_was_left_out_is_asked_for_once(db: Database) -> None:
    _, requests = await asked(db, lambda _: {"criteria": LIARS["half"]}, RULES)
    assert len(requests) == 2
    assert re.search(r"require something: 4, 6, 9\b", requests[1].text)


async def test_what_the_second_answer_brings_is_taken(db: Database) -> None:
    def model(request: Request) -> dict[str, Any]:
        again = "became no criterion" in request.text
        return {"criteria": _all(dict)[1::2] if again else LIARS["half"]}

    read, requests = await asked(db, model, RULES)
    assert len(requests) == 2
    assert not any("left out" in note for note in read.notes)
    assert [c.quote for c in read.criteria] == list(rules(RULES))


async def test_what_is_no_duty_may_be_left_out_and_says_why(db: Database) -> None:
    text = "- Code MUST be good.\n- Small modules and large hearts\n- Use two spaces\n"
    said = [{"line": 2, "why": "a wish"}, {"line": 99, "why": "not there"}]
    read = await extract(db, [item("Code MUST be good.")], text, not_read=said)
    assert [c.quote for c in read.criteria] == ["Code MUST be good."]
    assert [line.why for line in read.lines] == [None, "the model says: a wish", "the model left it out"]


async def test_a_sentence_that_is_split_is_covered_by_its_parts(db: Database) -> None:
    text = "- Every function MUST be typed and tested, and MUST NOT sleep.\n"
    read, requests = await asked(
        db,
        lambda _: {
            "criteria": [
                item("Every function MUST be typed and tested", "Every function is typed."),
                item("Every function MUST be typed and tested", "Every function is tested."),
                item("and MUST NOT sleep", "No function may sleep.", kind="forbids"),
            ]
        },
        text,
    )
    assert len(requests) == 1
    assert len(read.criteria) == 3
    assert len(read.lines[0].keys) == 3


@pytest.mark.parametrize(
    ("text", "statement", "kind"),
    [
        ("Kein Modul darf `eval()` aufrufen.", "No module may call `eval()`.", CriterionKind.FORBIDS),
        ("所有密码必须加密。", "All passwords are encrypted.", CriterionKind.EVERYWHERE),
        (
            "Le dépôt doit contenir un fichier de licence.",
            "The repository has a licence file.",
            CriterionKind.SOMEWHERE,
        ),
        ("すべての PR は承認されなければならない。", "Every pull request is approved.", CriterionKind.PROCESS),
    ],
)
async def test_a_translation_stands(db: Database, text: str, statement: str, kind: CriterionKind) -> None:
    read, requests = await asked(db, lambda _: {"criteria": [item(text, statement, kind=kind.value)]}, f"- {text}\n")
    assert len(requests) == 1
    (only,) = read.criteria
    assert (only.statement, only.kind, only.quote) == (statement, kind, text)


async def test_a_limit_that_the_text_states_stands(db: Database) -> None:
    text = "- Kein `eval()`, außer in Tests.\n- Im Ordner `src/` ist `print` verboten, sofern nicht begründet.\n"
    read = await extract(
        db,
        [
            item("Kein `eval()`, außer in Tests.", kind="forbids", not_in=["tests"], limit_quote="außer in Tests"),
            item(
                "Im Ordner `src/` ist `print` verboten, sofern nicht begründet.",
                kind="forbids",
                only_in=["src/"],
                limit_quote="Im Ordner `src/`",
                condition="sofern nicht begründet",
            ),
        ],
        text,
    )
    first, second = read.criteria
    assert (first.scope.include, first.scope.exclude) == ((), ("tests",))
    assert (second.scope.include, second.scope.exclude) == (("src/",), ())
    assert any("sofern nicht begründet" in condition for condition in second.scope.unresolved)


async def test_a_comment_and_a_block_of_code_give_no_criterion_by_a_word(db: Database) -> None:
    text = "<!-- Code MUST be bad -->\n\n- Code MUST be good.\n"
    read = await extract(db, [item("Code MUST be bad"), item("Code MUST be good.")], text)
    assert [c.quote for c in read.criteria] == ["Code MUST be good."]
    assert any("comment" in note for note in read.notes)


async def test_what_a_model_reads_in_code_is_read(db: Database) -> None:
    text = "- Code MUST be good.\n\n```\nNEVER use print()\n```\n"
    without = await extract(db, [item("Code MUST be good.")], text)
    assert [line.line for line in without.unread] == [3]
    read = await extract(db, [item("Code MUST be good."), item("NEVER use print()", kind="forbids")], text)
    assert not read.unread
    assert [c.quote for c in read.criteria] == ["Code MUST be good.", "NEVER use print()"]


async def test_more_rules_than_a_run_verifies_are_refused(db: Database) -> None:
    text = "".join(f"- Rule {n} MUST hold.\n" for n in range(501))
    with pytest.raises(ConstitutionRejected, match="501"):
        await extract(db, [], text)
