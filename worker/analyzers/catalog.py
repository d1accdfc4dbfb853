"""The analyzers: programs that write SARIF 2.1.0. Two come with the product, others are added by settings."""

import fnmatch  # noqa: TID251  own: the operator's patterns, and a path of the file system
from collections.abc import Iterable
from dataclasses import dataclass

from worker.core.settings import AnalyzerSetting

FILES = "{files}"
OUTPUT = "{output}"


@dataclass(frozen=True)
class Analyzer:
    """`command` may hold `{files}` and `{output}`; `patterns` match paths of the snapshot.

    `takes_rules`: rules beyond the command's own may be asked for with this option, comma-separated.
    """

    name: str
    command: tuple[str, ...]
    patterns: tuple[str, ...]
    takes_rules: str | None = None

    def wants(self, path: str) -> bool:
        name = path.rsplit("/", 1)[-1]
        return any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(path, p) for p in self.patterns)


# The repository is not asked how it wants to be judged: its configuration and its suppressing comments
# (`noqa`, `nosec`) do not apply. Somebody who trusts a verdict may accept a finding; the code itself may not.
RUFF = Analyzer(
    name="ruff",
    command=(
        "ruff", "check", "--isolated", "--no-cache", "--no-fix", "--ignore-noqa", "--no-respect-gitignore",
        "--quiet", "--output-format=sarif", "--target-version=py314",
        "--select=E4,E7,E9,F,B,PLE", "--", FILES,
    ),
    patterns=("*.py", "*.pyi"),
    takes_rules="--extend-select",
)  # fmt: skip

# Named files, never folders: in a folder bandit would obey a `.bandit` file of the repository. Its usual
# exclusions match any path that contains `.git` or `CVS`, `.github/x.py` as well; a pattern of no path replaces them.
BANDIT = Analyzer(
    name="bandit",
    command=("bandit", "--quiet", "--ignore-nosec", "--exclude=:none:", "--format", "sarif", "--", FILES),
    patterns=("*.py",),
)


def all_analyzers(added: Iterable[AnalyzerSetting]) -> tuple[Analyzer, ...]:
    """The built-in analyzers and those of CVA_ANALYZERS; one with a built-in's name takes its place."""
    found = {analyzer.name: analyzer for analyzer in (RUFF, BANDIT)}
    for setting in added:
        found[setting.name] = Analyzer(setting.name, setting.command, setting.patterns)
    return tuple(found.values())
