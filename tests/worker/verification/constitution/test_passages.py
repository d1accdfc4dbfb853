"""Markdown in passages: every line belongs to one, and each knows what stands above it."""

import time

import pytest

from worker.verification.constitution import passages, reading, sentences
from worker.verification.constitution.passages import Form, Passage


def of(text: str, form: Form) -> list[Passage]:
    return [passage for passage in passages.read(text) if passage.form is form]


def test_titles_and_leads_stand_above_what_they_speak_of() -> None:
    (item,) = of("# A\n\n## B\n\nNever:\n\n- in handlers:\n  - swallow\n", Form.ITEM)[1:]
    assert item.headings == ("A", "B")
    assert item.leads == ("Never:", "in handlers:")
    assert (item.line, item.level) == (8, 2)


def test_a_bold_line_is_a_title_where_no_list_follows() -> None:
    text = "# A\n\n**Forbidden**\n\nThe following:\n\n- eval\n\n**Wanted**\n\n- hints\n"
    eval_, hints = of(text, Form.ITEM)
    assert eval_.headings == ("A", "**Forbidden**")
    assert eval_.leads == ("The following:",)
    assert hints.leads == ("**Wanted**",)


def test_a_lead_of_a_list_is_none_of_a_table_after_it() -> None:
    text = "Never:\n\n| a |\n|---|\n| b |\n\n- c\n"
    assert of(text, Form.ROW)[0].leads == ("Never:",)
    assert of(text, Form.ITEM)[0].leads == ()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two! Three", ["One.", "Two!", "Three"]),
        ("Use e.g. this. And i.e. That.", ["Use e.g. this.", "And i.e. That."]),
        ("一。二。", ["一。", "二。"]),
        ("Rationale: because. It must be.", ["Rationale: because. It must be."]),
        ("1.1 One.\n1.2 Two. Three.", ["1.1 One.", "1.2 Two. Three."]),
        ("We avoid:\n• one\n• two\n  and more", ["We avoid:", "• one", "• two and more"]),
        ("**A**: one\n**B:** two", ["**A**: one", "**B:** two"]),
    ],
)
def test_a_paragraph_in_its_pieces(text: str, pieces: list[str]) -> None:
    assert [piece.text for piece in sentences.of_paragraph(text)] == pieces


def test_lines_of_sentences() -> None:
    prose = of("One\nline. Two.\nThree\nlines.\n", Form.PROSE)
    assert [(p.text, p.line, p.end_line) for p in prose] == [
        ("One line.", 1, 2),
        ("Two.", 2, 2),
        ("Three lines.", 3, 4),
    ]


def test_invisible_characters_and_line_breaks_of_all_kinds() -> None:
    text = "\ufeff# A\r\n\r\n- Code MU\u200bST be\u00ad good\r- Secrets MUST\0expire\n"
    assert [p.text for p in passages.read(text)] == ["A", "Code MUST be good", "Secrets MUST expire"]
    assert [p.line for p in passages.read(text)] == [1, 3, 4]


@pytest.mark.parametrize(
    "text",
    [
        "[a]: https://example.com 'must not'\n",
        "***\n\n---\n",
        "<div>\nmust\n",
        "<!-- one -->\n<!-- two\n\nthree",
        "| a |\n|---|\n",
        "a\n===\nb\n---\n",
        "    code must\n\n\tcode\n",
        "> > - 1. a\n",
        "[^1]: A footnote MUST be read.\n",
        "- [ ] a task\n- [x] done\n",
        "```\nopen",
        "<![CDATA[ must ]]>\n\n<?php must ?>\n\n<!DOCTYPE must>\n",
        "+\n+ a\n+\n",
        "\\# no title\n&#35; none\n",
    ],
)
def test_every_line_belongs_to_a_passage(text: str) -> None:
    covered = {n for p in passages.read(text) for n in range(p.line, p.end_line + 1)}
    assert {n for n, line in enumerate(text.split("\n"), start=1) if line.strip()} <= covered


_N = 20_000
NASTY = {
    "hashes": "#" * _N,
    "pipes": "|" * _N,
    "brackets": "(" * _N,
    "stars": "*" * _N,
    "dashes in an item": "- a must " + "-" * _N,
    "brackets in an item": "- " + "(" * _N,
    "commas": "- a must " + ", " * _N,
    "links": "[" * _N,
    "images": "![" * (_N // 2),
    "ticks": "".join("`" * (n % 50 + 1) + "a" for n in range(_N // 25)),
    "tags": "<a " * (_N // 3),
    "comments": "<!--" * (_N // 4),
    "comments in a line": "a " + "<!--" * (_N // 4),
    "spaces": " " * _N + "must",
    "spaces in an item": "- must (" + " " * _N + ")",
    "nested": "\n".join("  " * n + "- a" for n in range(1000)),
    "nested in a line": "- " * 1000 + "must be",
    "quotes": "> " * 1000 + "must be",
    "quotes by line": "\n".join(">" * n + " a must" for n in range(1, 300)),
    "rows": "|a|b|\n|-|-|\n" + "|x|must y|\n" * (_N // 10),
    "columns": "|".join("a" * (_N // 8)) + "\n" + "|".join("-" * (_N // 8)) + "\n" + "|".join("b" * (_N // 8)),
    "sentences": "Code must be good. " * (_N // 19),
    "sentences in HTML": "<div>\n" + "Code must be good.\n" * (_N // 19) + "</div>",
    "items in HTML": "<ul>\n" + "<li>must be\n" * (_N // 12),
    "emphasis": "*a " * (_N // 3),
    "definitions": "[a]: b\n" * (_N // 7),
    "front matter": "---\n" + "a: b\n" * (_N // 5),
    "underlined": "a\n" * (_N // 2) + "===",
    "no scripts": "必须。" * (_N // 6),
    "conditions": "- must not if " + "unless except " * (_N // 14),
    "places": "- no x " + "in `a/b`, " * (_N // 10),
    "negations": "- must " + "not without " * (_N // 12),
    "headings": "".join(f"# h{n}\n\nmust a.\n\n" for n in range(_N // 20)),
    "long word": "- must " + "a" * _N,
    "heading of brackets": "# " + "(" * _N,
    "labels": "**a**: " * (_N // 7),
}


@pytest.mark.parametrize("name", NASTY)
def test_time_grows_with_the_text_and_not_with_its_square(name: str) -> None:
    text = NASTY[name]
    began = time.process_time()
    read = reading.unchecked(text)
    assert time.process_time() - began < 2.5
    assert read.lines


def test_a_large_constitution_is_read_in_two_seconds() -> None:
    rules = "".join(
        f"- **Rule {n}**: functions in `src/part{n}/` MUST NOT call `eval()` unless rule {n - 1} allows it, and every\n"
        f"  value that comes from outside is checked before it is used or stored anywhere.\n"
        for n in range(450)
    )
    prose = "The reason for this is a long story that nobody wants to hear again. It began a while ago.\n\n" * 1300
    text = f"# Rules\n\n{rules}\n## Story\n\n{prose}"
    assert len(text) > 200_000
    began = time.process_time()
    read = reading.read(text)
    assert time.process_time() - began < 2
    assert len(read.criteria) == 450
