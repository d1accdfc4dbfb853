"""What became of each line of the constitution, folded: neighbours with the same fate are one row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Row:
    """`text` is what stands there, where a person has to read it again."""

    lines: str
    became: str
    is_warning: bool = False
    text: str | None = None


def table(document: dict[str, Any]) -> Table:
    """The rows as a table; requirements that were not read in bold."""
    shown = Table(title="What became of each line of the constitution", title_justify="left", title_style="bold")
    shown.box = None
    shown.show_header = False
    shown.padding = (0, 2, 0, 0)
    shown.add_column(no_wrap=True, justify="right", style="dim")
    shown.add_column(ratio=1, overflow="fold")
    for row in rows(document):
        text = Text(row.became, style="bold yellow" if row.is_warning else "")
        if row.text is not None:
            text.append(f"\n«{row.text}»", style="not bold")
        shown.add_row(row.lines, text)
    return shown


def rows(document: dict[str, Any]) -> Iterator[Row]:
    """One for each run of lines with the same fate. A requirement that was not read has a row of its own."""
    known = {item["key"]: item for item in (*document["criteria"], *document["not_checkable"])}
    process = {item["key"] for item in document["not_checkable"]}
    for _, group in groupby(enumerate(document["lines"]), key=_fate):
        members = [line for _, line in group]
        numbers = _range(members[0]["line"], members[-1]["end_line"])
        keys = list(dict.fromkeys(key for line in members for key in line["criteria"]))
        why = members[0]["why"]
        match members[0]["became"]:
            case "criterion":
                yield Row(numbers, _criteria(keys, process))
            case "part":
                yield Row(numbers, f"part of {_of(keys, known)}{f': {why}' if why else ''}")
            case _ if members[0]["requires"]:
                yield Row(numbers, f"a requirement that was not read: {why}", True, members[0]["text"])
            case _:
                yield Row(numbers, f"not read: {why}")


def _fate(numbered: tuple[int, dict[str, Any]]) -> tuple[object, ...]:
    """Equal for neighbours that are told of together."""
    position, line = numbered
    return line["became"], line["why"], position if line["requires"] else None


def _criteria(keys: list[str], process: set[str]) -> str:
    hidden = len(process.intersection(keys))
    if len(keys) == 1:
        return "a criterion that is not checkable" if hidden else "a criterion"
    return f"{len(keys)} criteria" + (f", {hidden} of them not checkable" if hidden else "")


def _of(keys: list[str], known: Mapping[str, dict[str, Any]]) -> str:
    at = sorted({known[key]["line"] for key in keys if key in known})
    if not at:
        return "a criterion"
    return f"the criterion of line {at[0]}" if len(at) == 1 else f"the criteria of lines {_range(at[0], at[-1])}"


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"
