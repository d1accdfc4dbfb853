"""Edits that proved themselves, kept for the next time: one line of code with holes, for one rule.

A name that stands in both the old and the new line, and is neither called nor looked into, is a hole: it may be another
name the next time. Everything else must be the same. Weights halve every ninety days, so that what served a code base
long ago does not outweigh what it says today.
"""

import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worker.core.ids import sha256
from worker.core.remediation.weighing import HALF_LIFE_DAYS
from worker.remediation.edits import Edit, lines_of

_PRIOR_KEPT, _PRIOR_LOST = 3.0, 1.0
_MAX_LINE = 500
# What no line of code holds, and JSON does.
_HOLE = "\x1a"
_SPACE = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


@dataclass(frozen=True)
class Template:
    """Tokens, in which a hole begins with a mark; `imports` are lines that it adds besides."""

    search: tuple[str, ...]
    replace: str
    imports: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        return sha256("\n".join(["\x01".join(self.search), self.replace, *self.imports]).encode())[:32]


def confidence(kept: float, reverted: float) -> float:
    """That it will be kept once more, from weights: the mean of a beta distribution whose prior is three of four."""
    return (kept + _PRIOR_KEPT) / (kept + reverted + _PRIOR_KEPT + _PRIOR_LOST)


def decayed(weight: float, days: float) -> float:
    """A weight after so many days."""
    return float(weight * 0.5 ** (max(0.0, days) / HALF_LIFE_DAYS))


def calibrated(claimed: float, kept: int, lost: int) -> float:
    """What a model's confidence is worth, from how its fixes of that category ended: as if ten had been kept before."""
    return claimed * (kept + 10) / (kept + lost + 10)


def _tokens(line: str) -> list[tokenize.TokenInfo] | None:
    if len(line) > _MAX_LINE:
        return None
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line.strip() + "\n").readline))
    except (tokenize.TokenError, SyntaxError):
        return None
    if any(token.type == tokenize.ERRORTOKEN for token in tokens):
        return None
    return [token for token in tokens if token.type not in _SPACE]


def _names(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[str]:
    """Names that may be others: not called, no attribute, looked into by nobody."""
    for at, token in enumerate(tokens):
        before = tokens[at - 1].string if at else ""
        after = tokens[at + 1].string if at + 1 < len(tokens) else ""
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string) and before != "." and after not in "(.":
            yield token.string


def learned(path: str, edits: Sequence[Edit]) -> Template | None:
    """What a kept fix of one line of Python teaches; None where it is more than that."""
    if not path.endswith(".py") or not 1 <= len(edits) <= 2:
        return None
    pairs, imports = [], []
    for edit in edits:
        old, new = lines_of(edit.search.rstrip("\n")), lines_of(edit.replace.rstrip("\n"))
        changed = [line for line in old if line not in new], [line for line in new if line not in old]
        added = [line for line in changed[1] if line.startswith(("import ", "from "))]
        imports += added
        rest = [line for line in changed[1] if line not in added]
        if changed[0] or rest:
            pairs.append((changed[0], rest))
    if len(pairs) != 1 or len(pairs[0][0]) != 1 or len(pairs[0][1]) != 1:
        return None
    (old_line,), (new_line,) = pairs[0]
    before, after = _tokens(old_line), _tokens(new_line)
    if before is None or after is None:
        return None
    holes: dict[str, str] = {}
    for name in _names(before):
        if name in set(_names(after)):
            holes.setdefault(name, f"{_HOLE}{len(holes)}")
    search = tuple(holes.get(token.string, token.string) if _is_hole(before, at, holes) else token.string
                   for at, token in enumerate(before))  # fmt: skip
    return Template(search, _filled(new_line.strip(), after, holes), tuple(imports))


def _is_hole(tokens: Sequence[tokenize.TokenInfo], at: int, holes: dict[str, str]) -> bool:
    return tokens[at].type == tokenize.NAME and tokens[at].string in holes


def _filled(line: str, tokens: Sequence[tokenize.TokenInfo], names: dict[str, str]) -> str:
    """The line with names replaced, its white space kept."""
    pieces, end = [], 0
    for token in tokens:
        start, stop = token.start[1], token.end[1]
        pieces += [
            line[end:start],
            names.get(token.string, token.string) if token.type == tokenize.NAME else token.string,
        ]
        end = stop
    return "".join([*pieces, line[end:]])


def fits(template: Template, path: str, line: str, lines: Sequence[str]) -> list[Edit] | None:
    """The edits that the template makes of a line, where it fits; `lines` are the file's."""
    tokens = _tokens(line)
    if not path.endswith(".py") or tokens is None or len(tokens) != len(template.search):
        return None
    names: dict[str, str] = {}
    for token, wanted in zip(tokens, template.search, strict=True):
        if wanted.startswith(_HOLE):
            if token.type != tokenize.NAME or names.setdefault(wanted, token.string) != token.string:
                return None
        elif token.string != wanted:
            return None
    indent = line[: len(line) - len(line.lstrip())]
    new = template.replace
    for hole, name in sorted(names.items(), key=lambda item: -len(item[0])):
        new = new.replace(hole, name)
    made = [Edit(path, line, f"{indent}{new}")]
    missing = [one for one in template.imports if one not in lines]
    if missing:
        first = next((one for one in lines if one.startswith(("import ", "from "))), None)
        if first is None or lines.count(first) != 1:
            return None
        made.append(Edit(path, first, "\n".join([*missing, first])))
    return made
