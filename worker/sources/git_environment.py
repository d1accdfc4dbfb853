"""The environment that git runs in: no configuration but ours, nobody asked for a password, no object replaced."""

import os
from collections.abc import Mapping
from pathlib import Path

from worker.runtime.process import bare_environment


def environment(home: Path, config: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """`config` goes along as variables, which stand above every file (git-config(1), GIT_CONFIG_COUNT)."""
    given = config or {}
    numbered = {"GIT_CONFIG_COUNT": str(len(given))}
    for index, (key, value) in enumerate(given.items()):
        numbered |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return bare_environment(
        home,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_TERMINAL_PROMPT="0",
        GIT_NO_REPLACE_OBJECTS="1",
        **numbered,
        **more,
    )
