"""The verdict in a terminal or in a text file: each criterion with its reason, the constitution's lines, the verdict.

What was written by strangers is cleaned once, where a document comes in (`verdict`)."""

import io
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from invariant import lines
from invariant.printable import cleaned

FILE_WIDTH = 100
"""Columns of a table that is written to a file."""

_COLOURS = {"PASS": "green", "FAIL": "red", "VETO": "bold red", "PARTIAL": "yellow", "ERROR": "magenta"}
_OUTCOMES = {"FAIL": ("✗ failed", "red"), "UNDECIDED": ("? undecided", "yellow"), "PASS": ("✓ passed", "green")}
_VETOED = ("✗ vetoed", "bold red")
_SEVERITIES = ("critical", "high", "medium", "low")
_PLACES = 3
_PATTERNS = 6


def show(console: Console, document: dict[str, Any]) -> None:
    """`document`, a verdict.json, in the terminal, or in the pipe that stands in its place."""
    if console.is_terminal:
        verdict(console, document)
    else:
        console.file.write(plain(document, console.width))


def verdict(console: Console, document: dict[str, Any]) -> None:
    """Everything that `document`, a verdict.json, has to say to a person."""
    document = cleaned(document)
    for part in _parts(document):
        console.print(part)


def plain(document: dict[str, Any], width: int = FILE_WIDTH) -> str:
    """The same as text, for a file or a pipe: no control codes, and no space at the end of a line."""
    buffer = io.StringIO()
    verdict(Console(file=buffer, width=width, force_terminal=False, color_system=None), document)
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


def _parts(document: dict[str, Any]) -> Iterator[RenderableType]:
    if document.get("criteria"):
        yield _criteria(document)
    if document.get("not_checkable"):
        yield from _not_checkable(document["not_checkable"])
    if document.get("lines"):
        yield lines.table(document)
        yield ""
    yield _conclusion(document)
    for note in document.get("notes", ()):
        yield Text(f"note: {note}", style="dim")


def _criteria(document: dict[str, Any]) -> Table:
    table = Table(title="Criteria", title_justify="left", title_style="bold", box=None, show_header=False)
    table.padding = (0, 2, 1, 0)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    outcomes = list(_OUTCOMES)
    for item in sorted(
        document["criteria"], key=lambda c: (outcomes.index(c["outcome"]), _SEVERITIES.index(c["severity"]))
    ):
        label, colour = _VETOED if item["key"] in document["vetoed_by"] else _OUTCOMES[item["outcome"]]
        table.add_row(
            Text.assemble((label, colour), (f"\n{item['severity']}\nline {item['line']}", "dim")),
            Group(Text(item["statement"], style="bold"), *(Padding(part, (0, 0, 0, 2)) for part in _why(item))),
        )
    return table


def _why(item: dict[str, Any]) -> Iterator[Text]:
    """Why it is so, who decided it and how, what they were shown, what was searched for, and where to look."""
    yield Text(item["reason"])
    if item["objection"]:
        yield Text("The security judge objects, and is outvoted.", style="bold")
    yield Text(_decided(item), style="dim")
    yield from (Text(line, style="dim") for line in _coverage(item["coverage"]))
    if item["outcome"] == "UNDECIDED":
        yield from _places("look at", item["look_at"])
    else:
        yield from _places("at", item["evidence"])


def _decided(item: dict[str, Any]) -> str:
    votes = ", ".join(_vote(opinion) for opinion in item["opinions"])
    return f"decided by {item['decided_by']}{f': {votes}' if votes else ''}"


def _vote(opinion: dict[str, Any]) -> str:
    judge = opinion["judge"].replace("_", " ")
    if opinion["failure"] is not None:
        return f"{judge} gave no answer"
    if opinion["void"] is not None:
        return f"{judge}'s vote is void"
    if opinion["vote"] == "ABSTAIN":
        return f"{judge} abstains"
    right = opinion.get("calibrated")
    return f"{judge} {opinion['vote']} {opinion['score']}" + ("" if right is None else f" ({right:.0%})")


def _coverage(coverage: dict[str, Any]) -> Iterator[str]:
    if coverage["files"]:
        share = "all" if coverage["whole"] else f"{coverage['share']:.0%}"
        yield (
            f"shown to the judges: {share} of its scope ({coverage['lines_shown']} of {coverage['lines']} lines in "
            f"{coverage['files_shown']} of {coverage['files']} files)"
        )
    if coverage.get("lines_read") and not coverage["whole"] and not coverage["sampled"]:
        all_read = "all" if coverage["read"] else f"{coverage['lines_read']} lines"
        named = f"{coverage['places_named']} places named" if coverage["places_named"] else "nothing named"
        yield f"read by scouts: {all_read} of its scope: {named}"
    if coverage["unreadable"]:
        yield f"could not be shown: {_some(coverage['unreadable'], _PLACES)}"
    if coverage["searched_for"]:
        patterns = _some([f"`{pattern}`" for pattern in coverage["searched_for"]], _PATTERNS)
        yield f"searched for {patterns}: {coverage['places_found']} found, {coverage['places_shown']} of them shown"


def _some(items: list[str], at_most: int) -> str:
    more = len(items) - at_most
    return ", ".join(items[:at_most]) + (f" and {more} more" if more > 0 else "")


def _places(word: str, places: list[dict[str, Any]]) -> Iterator[Text]:
    for place in places[:_PLACES]:
        where = f"{place['path']}:{place['start_line']}"
        rule = f" ({place['rule']})" if place["rule"] else ""
        # Folded: a path that is cut cannot be opened.
        yield Text(f"{word} {where}{rule}", overflow="fold")
        quote = next((line.strip() for line in place["quote"].splitlines() if line.strip()), "")
        if quote:
            yield Text(f"    {quote}".expandtabs(4), style="dim", no_wrap=True, overflow="ellipsis")
    if len(places) > _PLACES:
        yield Text(f"and {len(places) - _PLACES} more places; verdict.json has them all", style="dim")


def _not_checkable(criteria: list[dict[str, Any]]) -> Iterator[RenderableType]:
    yield Text("Not checkable", style="bold")
    yield Text("These speak of how people work. No repository shows whether they are kept; they count neither way.")
    for item in criteria:
        yield Padding(Text(f"– {item['statement']} (line {item['line']})"), (0, 0, 0, 2))
    yield ""


def _conclusion(document: dict[str, Any]) -> Panel:
    word, score = document["verdict"], document["score"]
    text = Text.assemble((word, _COLOURS[word]), "  ", document["reason"])
    if score is not None:
        text.append(f" Score {score:.1f} of 10.")
    counts = document.get("counts")
    if counts:
        text.append(f"\n{counts['pass']} passed, {counts['fail']} failed, {counts['undecided']} undecided")
        text.append(f", {counts['not_checkable']} not checkable" if counts["not_checkable"] else "")
        text.append(f"; {counts['files']} files{_commit(document)}.")
    if document.get("tribunal", {}).get("mode") == "static":
        text.append(
            f"\nStatic mode: {document['tribunal']['why']} Only what analyzers and an exhaustive search prove was "
            "decided; there are no votes and no scores.",
            style="dim",
        )
    return Panel(text, border_style=_COLOURS[word], expand=False)


def _commit(document: dict[str, Any]) -> str:
    commit, branch = document["snapshot"]["commit"], document["run"]["branch"]
    if commit is None:
        return ""
    return f" of commit {commit[:12]}" + (f" on {branch}" if branch else "")
