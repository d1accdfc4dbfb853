"""The rules that the built-in analyzers have: a rule that is cited and does not exist decides nothing."""

import json
import shutil
import subprocess
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from worker.runtime.process import bare_environment


@cache
def _ruff() -> frozenset[str] | None:
    environment = bare_environment(Path("/"))
    program = shutil.which("ruff", path=environment["PATH"])
    if program is None:
        return None
    command = [program, "rule", "--all", "--output-format", "json"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=30, check=False)
    if done.returncode != 0:
        return None
    # A rule in preview finds nothing unless previews are asked for, and one that was removed stops the tool.
    able = [rule for rule in json.loads(done.stdout) if not {"Preview", "Removed"} & set(rule["status"])]
    return frozenset(str(rule["code"]) for rule in able) | {"invalid-syntax"}


@cache
def _bandit() -> frozenset[str] | None:
    with warnings.catch_warnings():
        # bandit's plugin loader warns of its own use of a deprecated argument.
        warnings.simplefilter("ignore")
        from bandit.core.extension_loader import MANAGER
    return frozenset({*MANAGER.plugins_by_id, *MANAGER.blacklist_by_id})


def known(analyzers: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Rule ids by analyzer, for those that can say. Blocking at first; raises nothing."""
    asked = {"ruff": _ruff, "bandit": _bandit}
    found = {name: asked[name]() for name in analyzers if name in asked}
    return {name: rules for name, rules in found.items() if rules is not None}
