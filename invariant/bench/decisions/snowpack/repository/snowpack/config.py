"""The configuration of a run."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Source:
    name: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Config:
    seed: int
    raw_dir: Path
    out_dir: Path
    bootstrap_share: float
    sources: tuple[Source, ...]


def load(path: Path) -> Config:
    # safe_load: yaml.load would build any Python object the file asks for.
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Config(
        seed=raw["seed"],
        raw_dir=Path(raw["raw_dir"]),
        out_dir=Path(raw["out_dir"]),
        bootstrap_share=raw["bootstrap_share"],
        sources=tuple(Source(**source) for source in raw["sources"]),
    )
