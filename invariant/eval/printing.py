"""The figures of a suite for a person: tables for the terminal, and a page with the curves."""

from collections.abc import Iterator
from html import escape

from rich.console import Console
from rich.table import Table

from invariant.eval.scoring import Figures, Scores
from invariant.eval.statistics import Share

_ROWS = {
    "right": "decisions that are right",
    "fail_precision": "FAIL that is right",
    "fail_recall": "broken, and found",
    "pass_precision": "PASS that is right",
    "pass_recall": "kept, and said so",
    "abstained": "not decided",
    "void": "votes that do not count",
    "place_precision": "cited places that are right",
    "place_recall": "places found",
}
_SIZE, _EDGE = 240, 28


def show(scores: Scores, console: Console) -> None:
    """Print the tables."""
    questions = scores.figures[0].questions if scores.figures else 0
    table = Table(title=f"{scores.name}: {scores.cases} cases, {questions} criteria")
    table.add_column("")
    for figure in scores.figures:
        table.add_column(figure.who.replace("_", " "), justify="right")
    for name, words in _ROWS.items():
        table.add_row(words, *(share(getattr(figure, name)) for figure in scores.figures))
    table.add_row("calibration error", *(_number(figure.calibration_error) for figure in scores.figures))
    table.add_row("Brier score", *(_number(figure.brier) for figure in scores.figures))
    console.print(table)
    for sentence in sentences(scores):
        console.print(sentence, markup=False, soft_wrap=True)


def sentences(scores: Scores) -> Iterator[str]:
    """What the figures say in words."""
    if scores.alpha is not None:
        yield f"The judges agree with alpha = {scores.alpha:.2f} (1: always, 0: as by chance)."
    pair = scores.beside_best
    if pair is not None and scores.best is not None:
        best = scores.best.replace("_", " ")
        low, high = pair.interval
        numbers = f"({pair.difference:+.1%}, 95 %: {low:+.1%} to {high:+.1%}; p = {pair.p:.3f})"
        if not pair.shown:
            yield f"That three judges are better than the {best} alone is not shown {numbers}."
        else:
            word = "more" if pair.difference > 0 else "less"
            yield f"The product is right {word} often than the {best} alone {numbers}."
    yield (
        f"Of the lines in scope {scores.read:.0%} were read and {scores.shown:.0%} shown to judges, on average. "
        f"{scores.calls} calls made, {scores.reused} answers reused; ${scores.cost:.2f}; {scores.seconds:.0f} s."
    )
    if scores.unread:
        yield f"{scores.unread} labelled requirements became no criterion."
    if scores.errors:
        yield f"{scores.errors} cases ended with ERROR; they are asked again the next time."


def share(given: Share) -> str:
    """`91 % (88–94)`; a dash for a share of nothing."""
    if given.value is None or given.interval is None:
        return "–"
    low, high = given.interval
    return f"{given.value:.0%} ({100 * low:.0f}–{100 * high:.0f})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def page(scores: Scores) -> str:
    """The same as one HTML page that needs nothing else, with each judge's reliability curve."""
    heads = "".join(f"<th scope='col'>{escape(f.who.replace('_', ' '))}</th>" for f in scores.figures)
    rows = "".join(
        f"<tr><th scope='row'>{escape(words)}</th>"
        + "".join(f"<td>{escape(share(getattr(f, name)))}</td>" for f in scores.figures)
        + "</tr>"
        for name, words in _ROWS.items()
    )
    curves = "".join(_curve(figure) for figure in scores.figures if figure.curve)
    told = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(scores))
    return _PAGE.format(title=escape(scores.name), heads=heads, rows=rows, curves=curves, told=told)


def _curve(figure: Figures) -> str:
    """How often right by how sure, larger points for more decisions; the diagonal would be calibrated."""
    inner = _SIZE - 2 * _EDGE
    most = max(entry.count for entry in figure.curve)
    points = [(_EDGE + entry.confidence * inner, _SIZE - _EDGE - entry.right * inner, entry) for entry in figure.curve]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    dots = "".join(
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{2 + 5 * (entry.count / most) ** 0.5:.1f}'>"
        f"<title>{entry.count} decisions: {entry.confidence:.0%} sure, {entry.right:.0%} right</title></circle>"
        for x, y, entry in points
    )
    low, high = _EDGE, _SIZE - _EDGE
    name = escape(figure.who.replace("_", " "))
    models = escape(", ".join(figure.models))
    error = _number(figure.calibration_error)
    return (
        f"<figure><svg viewBox='0 0 {_SIZE} {_SIZE}' role='img' aria-label='reliability of {name}'>"
        f"<path class='frame' d='M{low} {low}V{high}H{high}'/><path class='ideal' d='M{low} {high}L{high} {low}'/>"
        f"<polyline points='{line}'/>{dots}"
        f"<text x='{_SIZE / 2}' y='{_SIZE - 6}'>confidence</text>"
        f"<text x='-{_SIZE / 2}' y='14' transform='rotate(-90)'>right</text></svg>"
        f"<figcaption><b>{name}</b> {models}<br>calibration error {error}</figcaption></figure>"
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1c1f24; --dim: #646b76; --line: #d5d9df; --accent: #2f6f4f; --paper: #fff; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e6e8eb; --dim: #9aa2ad; --line: #383e47; --accent: #7cc4a0; --paper: #15181c; }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }}
th[scope=row] {{ text-align: left; font-weight: 400; }}
.curves {{ display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 2rem 0; }}
figure {{ margin: 0; width: 15rem; }}
figcaption {{ font-size: .875rem; color: var(--dim); }}
figcaption b {{ color: var(--ink); }}
svg {{ width: 100%; }}
svg text {{ font-size: 11px; fill: var(--dim); text-anchor: middle; }}
.frame {{ fill: none; stroke: var(--line); }}
.ideal {{ fill: none; stroke: var(--line); stroke-dasharray: 4 4; }}
polyline {{ fill: none; stroke: var(--accent); stroke-width: 1.5; }}
circle {{ fill: var(--accent); }}
</style></head><body>
<h1>{title}</h1>
<table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>
<p>In brackets: the interval that holds the true share with 95 %.</p>
<div class="curves">{curves}</div>
{told}
</body></html>
"""
