"""Constitutions as nobody would write them: whatever form a requirement takes, it does not disappear."""

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.verification.constitution.reading import Fate, Reading, unchecked
from worker.verification.constitution.source import normalized

# What a duty is written with, before and after a word that is planted in it.
_DUTIES = (
    ("Code MUST NOT call ", "."),
    ("Every module must have ", "."),
    ("We do not use ", "."),
    ("Avoid ", " everywhere."),
    ("Never touch ", ""),
    ("No ", " in production"),
    ("The service shall log ", "."),
    ("Es ist verboten, ", " zu benutzen."),
    ("Der Dienst muss ", " prüfen."),
    ("El código no debe usar ", "."),
    ("Está prohibido ", "."),
    ("Le code ne doit pas appeler ", "."),
    ("Il est interdit d'utiliser ", "."),
    ("Код не должен вызывать ", "."),
    ("Запрещено использовать ", "."),
    ("所有代码必须使用 ", "。"),
    ("禁止使用 ", "。"),
    ("コードは ", " を使用してはならない。"),
    ("코드는 반드시 ", " 를 사용해야 한다."),
    ("O código não pode usar ", "."),
)
_PLAIN = (
    "the weather is fine",
    "a thing of beauty",
    "Redis and Postgres",
    "lorem ipsum dolor",
    "schnell und gut",
    "概要",
)
_NEGATIVE_LEADS = (
    "The following MUST NOT be implemented:",
    "❌ **Never Do**:",
    "**Forbidden:**",
    "These are banned in this repository.",
    "Verboten:",
    "Queda prohibido:",
    "禁止以下行为：",
)
_NEGATIVE_TITLES = ("Anti-patterns", "Prohibited", "❌ Don'ts", "What is forbidden", "禁止事項", "Never")
_TITLES = ("Changelog", "License headers", "Security", "I. Code", "Overview", "Governance", "テスト", "3.1 Scope")
# Reasons for which a line is not read: no other may be given.
_REASONS = (
    "a comment",
    "metadata",
    "a block of code",
    "markup",
    "a title",
    "it says what the words of RFC 2119 mean",
    "it explains",
    "it is permitted",
    "it permits",
    "a placeholder of a template",
    "a link",
    "the section «",
    "a row of a table in which nothing is required",
    "no word of it requires anything",
    "it says too little to be checked",
)


@dataclass(frozen=True)
class Block:
    """Some lines of Markdown, the words planted in it that a rule is about, and those that nobody has to read."""

    text: str
    planted: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


@st.composite
def duty(draw: st.DrawFn) -> tuple[str, str]:
    """(a sentence that requires something, the word planted in it)."""
    word = f"zq{draw(st.integers(0, 999_999))}x"
    before, after = draw(st.sampled_from(_DUTIES))
    return f"{before}`{word}`{after}" if draw(st.booleans()) else f"{before}{word}{after}", word


@st.composite
def word(draw: st.DrawFn) -> str:
    return f"zq{draw(st.integers(0, 999_999))}x"


@st.composite
def prose(draw: st.DrawFn) -> Block:
    sentences, planted = [], []
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            sentence, planted_word = draw(duty())
            sentences.append(sentence)
            planted.append(planted_word)
        else:
            sentences.append(f"It is said: {draw(st.sampled_from(_PLAIN))}.")
    return Block(draw(st.sampled_from([" ", "\n", "  \n"])).join(sentences), tuple(planted))


@st.composite
def items(draw: st.DrawFn) -> Block:
    """A list, nested here and there, with marks of all kinds."""
    lines, planted, depth = [], [], 0
    for _ in range(draw(st.integers(1, 5))):
        depth = draw(st.integers(0, min(depth + 1, 4)))
        mark = draw(st.sampled_from(["-", "*", "+", "1.", "- [ ]", "- [x]", "- ✅", "- ❌", "- **Label**:"]))
        sentence, planted_word = draw(duty())
        planted.append(planted_word)
        lines.append(f"{'    ' * depth}{mark} {sentence}")
        if draw(st.booleans()):
            lines.append(f"{'    ' * depth}  {draw(st.sampled_from(_PLAIN))}")
    return Block("\n".join(lines), tuple(planted))


@st.composite
def forbidden(draw: st.DrawFn) -> Block:
    """A list or a table of bare words that its lead or its title forbids."""
    words = draw(st.lists(word(), min_size=1, max_size=4, unique=True))
    above = draw(st.sampled_from([*_NEGATIVE_LEADS, *(f"### {title}" for title in _NEGATIVE_TITLES)]))
    between = draw(st.sampled_from(["\n\n", "\n\n<!-- a comment -->\n\n", "\n\n> "] if "#" not in above else ["\n\n"]))
    if draw(st.booleans()):
        table = "".join(f"| {planted} | because of it |\n" for planted in words)
        return Block(f"{above}\n\n| What | Why |\n|---|---|\n{table}", tuple(words))
    prefix = "> " if between.endswith("> ") else ""
    nested = draw(st.booleans())
    lines = [f"{'    ' if nested and n else ''}- {planted} in handlers" for n, planted in enumerate(words)]
    return Block(f"{above}{between}" + f"\n{prefix}".join(lines), tuple(words))


@st.composite
def table(draw: st.DrawFn) -> Block:
    rows, planted = [], []
    for _ in range(draw(st.integers(1, 3))):
        sentence, planted_word = draw(duty())
        planted.append(planted_word)
        rows.append(f"| {draw(st.sampled_from(_PLAIN))} | {sentence} |")
    header = draw(st.sampled_from(["| Topic | Rule |", "| A | B |", "| # | Standard |"]))
    return Block("\n".join([header, "|---|:--|", *rows]), tuple(planted))


@st.composite
def html(draw: st.DrawFn) -> Block:
    sentence, planted_word = draw(duty())
    forms = (
        "<p>{}</p>",
        "<ul>\n<li>{}</li>\n</ul>",
        "<details>\n<summary>x</summary>\n{}\n</details>",
        "<div>\n{}\n</div>",
    )
    return Block(draw(st.sampled_from(forms)).format(sentence.replace("`", "")), (planted_word,))


@st.composite
def unread(draw: st.DrawFn) -> Block:
    """What may stand in a text without being read: comments, code, a front matter that is none, broken Markdown."""
    sentence, planted_word = draw(duty())
    return draw(
        st.sampled_from(
            [
                Block(f"<!-- {sentence} -->", hidden=(planted_word,)),
                Block(f"<!--\n{sentence}\n-->", hidden=(planted_word,)),
                Block(f"```\nMUST NOT {planted_word}\n```", (planted_word,)),
                Block(f"```python\n{planted_word}()  # bad\n```", (planted_word,)),
                Block(f"**Rationale**: {sentence}", hidden=(planted_word,)),
                Block("---"),
                Block("**broken *emphasis `code"),
                Block("| a | b |\n|---|\n| c"),
                Block("[^1]: a note\n[x]: https://example.com"),
                Block("> > > deep\n>\n> quote"),
                Block("\t\t tabs\tand\ttabs"),
                Block("a" * 3000),
            ]
        )
    )


@st.composite
def heading(draw: st.DrawFn) -> Block:
    if draw(st.booleans()):
        return Block(f"{'#' * draw(st.integers(1, 6))} {draw(st.sampled_from(_TITLES))}")
    sentence, planted_word = draw(duty())
    if draw(st.booleans()):
        return Block(f"## {sentence}", (planted_word,))
    return Block(f"{sentence}\n{draw(st.sampled_from(['===', '---']))}", (planted_word,))


@st.composite
def entries(draw: st.DrawFn) -> Block:
    """Lists without Markdown: clauses with numbers, crosses, bullets, bold labels."""
    lines, planted = [], []
    mark = draw(st.sampled_from(["1.{} ", "❌ ", "• ", "**L{}**: ", "§ {} — ", "R{}: "]))
    for number in range(draw(st.integers(1, 3))):
        sentence, planted_word = draw(duty())
        planted.append(planted_word)
        lines.append(f"{mark.format(number)}{sentence}")
    return Block("\n".join(lines), tuple(planted))


BLOCKS = st.one_of(prose(), items(), forbidden(), table(), html(), unread(), heading(), entries())


@st.composite
def constitution(draw: st.DrawFn) -> tuple[str, list[Block]]:
    blocks = draw(st.lists(BLOCKS, min_size=1, max_size=8))
    text = "\n\n".join(block.text for block in blocks)
    # Each block begins anew, so that none is read as a part of the one before it.
    text = "# Constitution\n\n" + text
    if draw(st.booleans()):
        text = "---\ntitle: rules\n---\n\n" + text
    noise = draw(st.sampled_from(["", "", "", "\0", "\ufeff", "\u200b"]))
    return noise + text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"]))), blocks


def _accounted(text: str, reading: Reading) -> None:
    lines = normalized(text).split("\n")
    covered = {number for line in reading.lines for number in range(line.line, line.end_line + 1)}
    wanted = {number for number, line in enumerate(lines, start=1) if line.strip()}
    assert wanted <= covered
    assert max(covered) <= len(lines)
    keys = {criterion.key for criterion in reading.criteria}
    assert len(keys) == len(reading.criteria)
    assert {key for line in reading.lines for key in line.keys} == keys
    for line in reading.lines:
        assert bool(line.keys) is (line.fate is not Fate.NOT_READ)
        assert line.fate is not Fate.NOT_READ or str(line.why).startswith(_REASONS), line.why
        assert not (line.requires and line.keys)
    assert [line.line for line in reading.lines] == sorted(line.line for line in reading.lines)
    at = [criterion.line for criterion in reading.criteria]
    assert at == sorted(at)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(constitution())
def test_no_requirement_disappears(written: tuple[str, list[Block]]) -> None:
    text, blocks = written
    reading = unchecked(text)
    _accounted(text, reading)
    said = "\n".join(f"{criterion.statement}\n{criterion.quote}" for criterion in reading.criteria)
    flagged = "\n".join(line.text for line in reading.lines if line.requires)
    hidden = {planted for block in blocks for planted in block.hidden}
    for planted in {planted for block in blocks for planted in block.planted} - hidden:
        assert planted in said or planted in flagged, (planted, text)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(constitution(), st.lists(duty(), min_size=1, max_size=3))
def test_keys_are_stable_under_edits_elsewhere(written: tuple[str, list[Block]], more: list[tuple[str, str]]) -> None:
    text, _ = written
    before = {criterion.statement: criterion.key for criterion in unchecked(text).criteria}
    added = "".join(f"- {sentence}\n" for sentence, _ in more)
    after = {criterion.statement: criterion.key for criterion in unchecked(f"{text}\n\n# Other\n\n{added}").criteria}
    assert all(after.get(statement, key) == key for statement, key in before.items())
    assert sum(statement in after for statement in before) >= len(before) - 1


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.sampled_from(
            [
                "#",
                "|",
                "-",
                "*",
                "`",
                "<",
                ">",
                "(",
                "[",
                "]",
                ":",
                "\n",
                "\t",
                " ",
                "a",
                "must",
                "1.",
                "❌",
                "<!--",
                "-->",
                "---\n",
                "```\n",
                "\0",
                "\r",
            ]
        ),
        max_size=60,
    )
)
def test_broken_markdown_is_read(pieces: list[str]) -> None:
    text = "".join(pieces)
    reading = unchecked(text)
    if any(line.strip() for line in normalized(text).split("\n")):
        _accounted(text, reading)
