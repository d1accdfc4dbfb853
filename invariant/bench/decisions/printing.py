"""Tables for people: decisions per topic and case, every wrong one, and what became of every labelled requirement."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from invariant.bench.decisions.judging import Account, Decision
from invariant.bench.decisions.summary import Counts, Summary

_COLUMNS = ("criteria", "decided", "right", "wrong", "false\nPASS", "undecided", "process")
_FEW = 3
"""Topics of so few criteria, none of them decided, share a row."""
_CAPTION = "process: read as one about people, so that nothing is decided"


def show(summary: Summary, console: Console) -> None:
    """Print everything."""
    topics = summary.topics()
    shown = {topic: counts for topic, counts in topics.items() if counts.decided or counts.criteria > _FEW}
    rest = [counts for topic, counts in topics.items() if topic not in shown]
    rows = list(shown.items())
    if rest:
        rows.append((f"({len(rest)} more)", _sum(rest)))
    console.print(_table("topic", rows, summary.total))
    console.print(_table("case", ((case.name, Counts.of(case.decisions)) for case in summary.cases), summary.total))
    _wrong(summary, console)
    _reading(summary, console)
    total = summary.total
    console.print(
        f"\n{len(summary.cases)} constitutions with {len(summary.accounts)} labelled requirements over "
        f"{len(summary.languages)} languages ({', '.join(summary.languages)}): {total.decided} of {total.criteria} "
        f"criteria decided, {total.share:.1%} of these right, {total.false_pass} false PASS."
    )
    for failure in summary.failures:
        console.print(f"[red]not met:[/] {escape(failure)}")


def _table(first: str, rows: Iterable[tuple[str, Counts]], total: Counts) -> Table:
    title = f"decisions in static mode by {first}"
    table = Table(title=title, caption=_CAPTION, box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in _COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for name, counts in rows:
        table.add_row(escape(name), *_cells(counts))
    table.add_section()
    table.add_row("all", *_cells(total))
    return table


def _cells(counts: Counts) -> list[str]:
    values = (
        counts.criteria,
        counts.decided,
        counts.right,
        counts.wrong,
        counts.false_pass,
        counts.undecided,
        counts.process,
    )
    return [str(value) for value in values]


def _sum(counts: Iterable[Counts]) -> Counts:
    given = list(counts)
    return Counts(*(sum(getattr(each, name) for each in given) for name in Counts.__dataclass_fields__))


def _wrong(summary: Summary, console: Console) -> None:
    for case in summary.cases:
        for decision in case.decisions:
            if decision.objection:
                _decision(case.name, decision, console)


def _decision(name: str, decision: Decision, console: Console) -> None:
    outcome = decision.outcome.value if decision.outcome is not None else ""
    title = "false PASS" if decision.false_pass else f"wrong {outcome}"
    lines = [f"\n[red]{title}[/] {escape(name)}/CONSTITUTION.md:{decision.line}"]
    lines += [f"  {what}: {escape(text)}" for what, text in _details(decision) if text]
    console.print("\n".join(lines), soft_wrap=True)


def _details(decision: Decision) -> Iterable[tuple[str, str]]:
    yield "statement", decision.statement
    yield "reason", decision.reason
    yield "places", ", ".join(decision.places)
    yield "label", decision.objection


def _reading(summary: Summary, console: Console) -> None:
    """What became of every line and every labelled requirement."""
    console.print("\nlabelled requirements in the readings:")
    for account, counted in summary.accounted().items():
        answers = ", ".join(f"{count} {answer}" for answer, count in counted.items())
        console.print(f"  {counted.total()} {account}{f' ({answers})' if answers else ''}")
    for reason, count in summary.reasons():
        console.print(escape(f"  {count} because: {reason}"), soft_wrap=True)
    for case in summary.cases:
        place = f"{case.name}/CONSTITUTION.md"
        for entry in case.accounts:
            if entry.account is not Account.READ:
                why = f", because: {entry.why}" if entry.why else ""
                text = (
                    f"  {entry.account}: {place}:{entry.label.line}: «{entry.label.quote}» ({entry.label.answer}){why}"
                )
                console.print(escape(text), soft_wrap=True)
        for number in case.unaccounted:
            console.print(escape(f"  in no account: {place}:{number}"), soft_wrap=True)
        for decision in case.decisions:
            if decision.hidden:
                text = f"  read as one about people: {place}:{decision.line}: {decision.statement}"
                console.print(escape(text), soft_wrap=True)
