"""Code that a criterion's own words forbid: «MUST NOT call `eval()`», «never `print`; use `logging` instead»."""

import re  # noqa: TID251  bounded: a statement of criteria.MAX_STATEMENT

from worker.verification.constitution import scope
from worker.verification.constitution import words as requirement
from worker.verification.constitution.criteria import Criterion

_CODE = re.compile(r"`([^`\n]{2,80})`")
# Where a sentence turns from what is forbidden to what is wanted instead.
_CLAUSE = re.compile(
    r"[.;]\s|\s[–—]\s|,\s+(?=(?:not|never)\b)|\s(?:without|unless|except)\s"
    r"|(?:[,;]|\s(?:and|but))\s+(?:but |and )?(?:use|prefer|only|instead(?! of)|rather(?! than))\b",
    re.IGNORECASE,
)
_IN_USE = (
    "{}", "{}(x)", "x.{}(x)", "x.{}", "{}.x", "import {}", "from {} import x", "import x from '{}'", "require('{}')",
    "use {}", "#include <{}>", "@{}", "new {}(x)", "<{}>", "{}: x", "{} = x", "x = {}", "{} x", "{} {{", "x: {}",
)  # fmt: skip


def forbidden(criterion: Criterion) -> tuple[str, ...]:
    """The names in backticks that the statement and the constitution's own words forbid, without the paths of its
    scope and without what a sentence says to use instead."""
    sentences = [criterion.plain or criterion.statement, scope.read(criterion.quote)[1]]
    limits = {entry.strip("/") for entry in (*criterion.scope.include, *criterion.scope.exclude)}
    names = (name for sentence in sentences for name in _of(sentence))
    cores = (name.removesuffix("()").removesuffix("(").strip() for name in names)
    return tuple(dict.fromkeys(core for core in cores if len(core) > 1 and core.strip("/") not in limits))


def _of(sentence: str) -> list[str]:
    """Names of the clauses that say no, or of all where none of those has any."""
    # A word of code is no word of the sentence: what divides or denies is looked for outside of it.
    names: list[str] = []

    def kept(found: re.Match[str]) -> str:
        names.append(found[1])
        return f"`{len(names) - 1}`"

    clauses = _CLAUSE.split(_CODE.sub(kept, sentence))
    denying = [clause for clause in clauses if requirement.negations(clause) > 0 and "`" in clause]
    return [names[int(number)] for clause in denying or clauses for number in re.findall(r"`(\d+)`", clause)]


def forms(name: str) -> tuple[str, ...]:
    """Lines in which code would have the name: a pattern that matches none of them does not look for it."""
    return tuple(form.format(name) for form in _IN_USE)
