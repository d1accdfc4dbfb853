"""Rules: which file goes where.

A rules file has one rule a line:  NAME  PATTERNS  TARGET
for example:                       images  ("*.png", "*.jpg")  Pictures
"""

import ast
import fnmatch
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote


@dataclass(frozen=True)
class Rule:
    """One line of a rules file."""

    name: str
    patterns: tuple[str, ...]
    target: str


class BadRules(Exception):
    """The rules file cannot be used."""


def parse(line: str) -> Rule:
    """Turn one line into a rule."""
    name, _, rest = line.partition("  ")
    patterns, _, target = rest.rpartition("  ")
    assert target.strip(), f"rule without a target: {line}"
    try:
        # literal_eval, not eval: a rules file may come from the internet.
        value = ast.literal_eval(patterns.strip())
    except (ValueError, SyntaxError) as problem:
        raise BadRules(f"patterns of {name!r}: {problem}") from problem
    if isinstance(value, str):
        value = (value,)
    return Rule(name.strip(), tuple(value), unquote(target.strip()))


def load(path: Path) -> list[Rule]:
    """Read all rules of a file, skipping blank lines and comments."""
    lines = path.read_text().splitlines()
    return [parse(line) for line in lines if line.strip() and not line.startswith("#")]


def evaluate(rules: list[Rule], file: Path) -> Rule | None:
    """Answer the first rule that matches the file's name."""
    for rule in rules:
        if any(fnmatch.fnmatch(file.name, pattern) for pattern in rule.patterns):
            return rule
    return None
