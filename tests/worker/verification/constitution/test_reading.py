"""What is read from a constitution without a model: every line becomes a criterion, part of one, or is said not to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.vocabulary import Category, CriterionKind, Severity
from worker.verification.constitution import criteria
from worker.verification.constitution.criteria import ConstitutionRejected, Criterion
from worker.verification.constitution.reading import Fate, Line, Reading, read, unchecked


def statements(text: str) -> list[str]:
    return [criterion.statement for criterion in read(text).criteria]


def only(text: str) -> Criterion:
    (criterion,) = read(text).criteria
    return criterion


def line(reading: Reading, number: int) -> Line:
    return next(line for line in reading.lines if line.line <= number <= line.end_line)


def test_list_items_sentences_and_headings() -> None:
    reading = read(
        """# Title

All code MUST be tested. This sentence explains. Users are happy.

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
    assert [(criterion.statement, criterion.line) for criterion in reading.criteria] == [
        ("All code MUST be tested.", 3),
        ("Functions MUST NOT use mutable default arguments", 5),
        ("No `eval()` anywhere", 11),
        ("never use wildcard imports", 13),
        ("Modules: have docstrings", 14),
        ("Numbered rules count", 16),
    ]


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
    assert only(f"- {statement}\n").severity == severity


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
    assert only(text).category is category


@pytest.mark.parametrize(
    "above",
    [
        "Never do this:",
        "**Never do this:**",
        "❌ **Never Do**:",
        "The following MUST NOT be implemented:",
        "The following are forbidden.",
        "These are banned in this house. The second column says what else there is.",
        "## Forbidden",
        "## Anti-patterns\n\n### Functions",
        "## Technology Prohibitions (WON'T without RFC)",
        "## Things we never do\n\nSome of them bit us.",
        "**Prohibited**\n\nThe following patterns:",
        "Nie:\n\n<!-- a comment between -->",
        "Never do this:\n\n* one\n",
        "Never do this:\n\n- one\n\n```\ncode\n```\n",
        "> Never do this:\n>",
        "### 禁止事項",
        "Queda prohibido:",
        "Verboten:",
        "Запрещено:",
        "Il est interdit de :",
        "É proibido:",
        "以下必须禁止：",
        "다음을 금지한다:",
    ],
)
def test_what_is_announced_as_forbidden_is_forbidden(above: str) -> None:
    quote = "> " if above.startswith(">") else ""
    reading = read(f"# Rules\n\n{above}\n\n{quote}- handlers that swallow everything\n")
    (criterion,) = [c for c in reading.criteria if "swallow" in c.statement]
    assert criterion.kind is CriterionKind.FORBIDS
    assert criterion.statement != "handlers that swallow everything"
    assert not reading.unread


def test_a_lead_holds_over_nested_lists_and_not_beyond_other_words() -> None:
    reading = read(
        "Never:\n\n- in handlers:\n  - swallow\n  - sleep\n- retry twice\n\nStart here.\n\n- read the docs\n"
    )
    assert [criterion.statement for criterion in reading.criteria] == [
        "Never: in handlers: swallow",
        "Never: in handlers: sleep",
        "Never: retry twice",
        "Start here.",
        "read the docs",
    ]


def test_an_affirming_lead_takes_back_a_title_that_forbids() -> None:
    reading = read("## Prohibited Patterns\n\n❌ **Never Do**:\n\n- Skip hints\n\n✅ **Always Do**:\n\n- Add hints\n")
    assert [(c.statement, c.kind) for c in reading.criteria] == [
        ("❌ Never Do: Skip hints", CriterionKind.FORBIDS),
        ("✅ Always Do: Add hints", CriterionKind.EVERYWHERE),
    ]


def test_a_heading_that_is_a_rule_says_nothing_of_its_list() -> None:
    reading = read("## Never lose a file\n\n- Every command accepts `--dry-run`.\n")
    assert [c.statement for c in reading.criteria] == ["Never lose a file", "Every command accepts `--dry-run`."]


def test_siblings_belong_to_their_parent_and_not_to_each_other() -> None:
    text = "- `hosts.yaml`\n  - Every host has an owner\n  - backup is one of three\n- Stages\n  - say what they do\n"
    assert statements(text) == [
        "`hosts.yaml`: Every host has an owner",
        "`hosts.yaml`: backup is one of three",
        "Stages: say what they do",
    ]


def test_an_item_that_explains_its_parent_is_part_of_it() -> None:
    reading = read("- Errors MUST be wrapped\n  - with a cause\n  - in the log\n")
    (criterion,) = reading.criteria
    assert criterion.statement == "Errors MUST be wrapped: with a cause; in the log"
    assert [line.fate for line in reading.lines] == [Fate.CRITERION, Fate.PART, Fate.PART]
    assert {key for line in reading.lines for key in line.keys} == {criterion.key}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2.4 No bare `except` (ruff:E722).\n", ["2.4 No bare `except` (ruff:E722)."]),
        ("§ 3 — Aucune édition\n\nAucune suppression\n", ["§ 3 — Aucune édition", "Aucune suppression"]),
        ("We avoid:\n❌ Scoring\n❌ Ranking\n", ["We avoid: ❌ Scoring", "We avoid: ❌ Ranking"]),
        ("**Caching**: Redis for sessions\n**Auth**: tokens\n", ["Caching: Redis for sessions", "Auth: tokens"]),
        ("SEC-01: Keys rotate yearly.\n", ["SEC-01: Keys rotate yearly."]),
        ("It needs Python\n3.11 or newer. Files are long.\n", ["It needs Python 3.11 or newer."]),
    ],
)
def test_entries_of_a_list_without_markdown(text: str, wanted: list[str]) -> None:
    assert statements(f"# A\n\n## B\n\n{text}") == wanted


def test_tables_are_read_by_row() -> None:
    reading = read(
        "| Area | Rule | Why |\n|---|---|---|\n| Secrets | No passwords in code | leaks |\n| Logs | Structured | – |\n"
    )
    assert [c.statement for c in reading.criteria] == [
        "Area: Secrets; No passwords in code; Why: leaks",
        "Area: Logs; Structured; Why: –",
    ]
    assert [line.fate for line in reading.lines] == [Fate.PART, Fate.CRITERION, Fate.CRITERION]


def test_a_table_that_requires_nothing_is_said_to_be_none() -> None:
    reading = read("- Code MUST be good\n\n| Layer | Uses |\n|---|---|\n| API | Starlette |\n")
    assert line(reading, 5).why == "a row of a table in which nothing is required"


def test_the_way_a_rule_is_enforced_is_not_the_rule() -> None:
    text = "| Area | Standard | Validation |\n|---|---|---|\n| Async | Methods MUST return a Future | Code review |\n"
    assert only(text).kind is CriterionKind.EVERYWHERE


@pytest.mark.parametrize("title", ["Changelog", "License headers", "History", "Version history"])
def test_a_title_is_no_reason_to_drop_rules(title: str) -> None:
    reading = read(f"## {title}\n\n- `CHANGELOG.md` has the newest release on top\n- 1.0.0: initial\n- No GPL code\n")
    assert [c.statement for c in reading.criteria] == ["`CHANGELOG.md` has the newest release on top", "No GPL code"]
    assert "informs" in str(line(reading, 4).why)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("The key words MUST and SHOULD are to be interpreted as in RFC 2119.", "RFC 2119"),
        ("MUST means an absolute requirement.", "RFC 2119"),
        ("- Users MAY log in", "it permits"),
        ("Tests are encouraged but not mandatory.", "it permits"),
        ("- Integration tests are NOT required", "it permits"),
        ("### IV. No mandatory automated tests", "a title"),
        ("**Rationale**: users must trust us.", "it explains"),
        ("**Begründung:** Sonst muss jemand nachts aufstehen.", "it explains"),
        ("**根拠**: 対象ユーザーは必ず必要とする。", "it explains"),
        ("**근거**: 반드시 필요하다.", "it explains"),
        ("**Version**: 1.0.0 | **Ratified**: 2025-01-01", "metadata"),
        ("[PROJECT_NAME]", "template"),
        ("See https://example.com for more.", "no word of it"),
        ("- https://example.com/rules", "a link"),
    ],
)
def test_what_requires_nothing_says_why_and_prevents_no_pass(text: str, why: str) -> None:
    reading = read(f"- Code MUST be good\n\n{text}\n")
    assert len(reading.criteria) == 1
    assert why in str(line(reading, 3).why)
    assert not reading.unread


@pytest.mark.parametrize(
    "text",
    [
        "Code MUST NOT call eval (RFC 2119 MUST).",
        "Code MUST NOT call eval, per RFC 2119.",
        "MUST — optional dependencies are declared as extras.",
        "SHOULD: strong types are used at the border.",
        "No mandatory field may be empty.",
        "Nothing from the network is piped into a shell.",
        "We do **not** share state.",
        "Under no circumstances is a token written down.",
        "Version: every module carries one, and it never goes backwards.",
        "Note: all artifacts must be in English.",
        "Tests are not required, but secrets must not be logged.",
        "- Inside `[[ ]]` nothing is quoted. Elsewhere this is not needed.",
        "Only `cli` may write to the screen.",
        "Keiner Funktion darf die Annotation fehlen.",
        "El módulo de dominio no depende de la web.",
        "Un paiement n'est jamais effacé.",
        "Ни один токен не попадает в журнал.",
        "所有密码都不得写入日志。",
        "パスワードをログに出力しない。",
        "비밀번호를 로그에 남기지 않습니다.",
        "Nenhuma senha fica no código.",
    ],
)
def test_a_rule_that_looks_like_none_is_read(text: str) -> None:
    reading = read(f"# A\n\n## B\n\n{text}\n")
    assert any(criterion.line == 5 for criterion in reading.criteria), reading.lines


def test_a_list_that_is_required_may_hold_links_and_names_alone() -> None:
    assert statements("The repository MUST contain:\n\n- `README.md`\n- LICENSE.md\n") == [
        "The repository MUST contain: `README.md`",
        "The repository MUST contain: LICENSE.md",
    ]


def test_what_may_be_is_not_required() -> None:
    reading = read(
        "- Code MUST be good\n\n**Extensions MAY provide**:\n\n- support for more formats\n- Never: `eval`\n"
    )
    assert [c.statement for c in reading.criteria] == ["Code MUST be good", "Never: `eval`"]
    assert line(reading, 5).why == "it is permitted"


@pytest.mark.parametrize(
    ("code", "requires"),
    [
        ("- Code MUST be bad", True),
        ("eval(x)  # bad", True),
        ("✗ NEVER use print()", True),
        ("❌ moment.js", True),
        ("x = 1", False),
        ("# this must be so", False),
    ],
)
def test_code_is_not_read_and_prevents_a_pass_where_it_forbids(code: str, requires: bool) -> None:
    reading = read(f"- Code MUST be good\n\n```\n{code}\n```\n")
    assert [c.statement for c in reading.criteria] == ["Code MUST be good"]
    assert line(reading, 4).why == "a block of code"
    assert bool(reading.unread) is requires


def test_code_that_a_rule_announces_belongs_to_it() -> None:
    reading = read("Every file MUST begin with:\n\n```\n# SPDX\n```\n")
    assert [c.statement for c in reading.criteria] == ["Every file MUST begin with: `# SPDX`"]
    assert not reading.unread
    long = read("Every file MUST begin with:\n\n```\n" + "# SPDX and more\n" * 100 + "```\n")
    assert [unread.line for unread in long.unread] == [3]


def test_front_matter_is_metadata_and_a_rule_between_dashes_is_none() -> None:
    reading = read("---\ntitle: x\nglobs: '*.py'\n---\n\n- Code MUST be good\n")
    assert line(reading, 2).why == "metadata"
    assert not reading.unread
    assert statements("---\n\n- Code MUST be good\n\n---\n") == ["Code MUST be good"]
    assert read("---\nrule: code must not call eval\n---\n\n- Good\n- Code MUST be good\n").unread


def test_html_is_read_and_comments_are_not() -> None:
    reading = read(
        "<!-- Code MUST be bad -->\n\n<ul>\n<li>Secrets MUST be masked</li>\n<li>short functions</li>\n</ul>\n\n"
        "A <b>token</b> MUST <!-- not --> expire.\n\n<script>MUST</script>\n"
    )
    assert [c.statement for c in reading.criteria] == [
        "Secrets MUST be masked",
        "short functions",
        "A token MUST expire.",
    ]
    assert "comment" in str(line(reading, 1).why)
    assert not line(reading, 1).requires


def test_a_comment_that_nobody_closed_hides_the_rest() -> None:
    reading = read("- Code MUST be good\n\n<!-- begins\n\n- Code MUST be bad\n")
    assert [c.statement for c in reading.criteria] == ["Code MUST be good"]
    assert "comment" in str(line(reading, 5).why)


def test_what_is_nested_too_deep_for_markdown_is_read_as_it_stands() -> None:
    text = "\n".join(f"{'  ' * depth}- level {depth} must hold" for depth in range(150))
    reading = read(text)
    assert sum("must hold" in c.statement for c in reading.criteria) == 150


def test_a_statement_that_is_too_long_is_cut_and_loses_nothing() -> None:
    reading = read(
        "- Code " + "is good, " * 400 + "and MUST NOT call eval, " + "and so on, " * 200 + "and MUST be safe.\n"
    )
    joined = " ".join(c.statement for c in reading.criteria)
    assert len(reading.criteria) > 1
    assert "MUST NOT call eval" in joined
    assert joined.endswith("and MUST be safe.")
    assert all(len(c.statement) <= criteria.MAX_STATEMENT for c in reading.criteria)


def test_keys_survive_reordering_and_rewording_of_the_rest() -> None:
    first = {c.statement: c.key for c in read("- Code MUST be good\n- No eval anywhere\n").criteria}
    second = {
        c.statement: c.key for c in read("# New\n\n## Security\n\n* No eval anywhere\n* Code MUST be good\n").criteria
    }
    assert first == second
    assert len(set(first.values())) == 2


def test_the_same_statement_counts_once() -> None:
    reading = read("- Code MUST be good\n- code must be `good`.\n")
    assert len(reading.criteria) == 1
    assert line(reading, 2).why == "said before in line 1"


@pytest.mark.parametrize(
    ("one", "other"),
    [("`==` is banned", "`!=` is banned"), ("Use C", "Use C++"), ("Take < 5 arguments", "Take > 5 arguments")],
)
def test_a_sign_can_make_another_statement(one: str, other: str) -> None:
    assert len(read(f"- {one}\n- {other}\n").criteria) == 2


@pytest.mark.parametrize(
    "text", ["", "Hello there.", "# Title", "```\n- MUST\n```", "- ok", "\n" * 1000, "<!-- MUST be -->", "\ufeff", "\0"]
)
def test_nothing_checkable_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ConstitutionRejected, match="MUST NOT call eval"):
        read(text)


def test_too_many_are_refused_not_cut() -> None:
    text = "".join(f"- Rule number {n} holds\n" for n in range(criteria.MAX_CRITERIA + 1))
    with pytest.raises(ConstitutionRejected, match="501"):
        read(text)
    assert len(unchecked(text).criteria) == criteria.MAX_CRITERIA + 1


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reading = read(text)
    except ConstitutionRejected:
        return
    assert len({criterion.key for criterion in reading.criteria}) == len(reading.criteria)
    for criterion in reading.criteria:
        assert isinstance(criterion.severity, Severity)
        assert criterion.statement.strip() == criterion.statement != ""


def test_a_text_without_markdown_has_lists_all_the_same() -> None:
    text = "Le système ne doit jamais :\n\nRecommander\n\nJuger des individus\n\nIl est beau.\n\nRien de plus\n"
    reading = read(text)
    assert [c.statement for c in reading.criteria] == [
        "Le système ne doit jamais : Recommander",
        "Le système ne doit jamais : Juger des individus",
    ]
