"""The sentences of the bot."""

import tomllib
from pathlib import Path

_TEXTS: dict[str, str] = tomllib.loads(Path("texts.toml").read_text(encoding="utf-8"))


def t(key: str, **values: object) -> str:
    return _TEXTS[key].format(**values)
