"""Moves files as the rules say."""

import os
import shutil
from pathlib import Path

from tidybox.journal import Journal
from tidybox.rules import Rule, evaluate


def plan(folder: Path, rules: list[Rule], ignore: list[str] = []) -> list[tuple[Path, Path]]:
    """List the moves that the rules ask for."""
    moves = []
    for file in sorted(folder.iterdir()):
        if not file.is_file() or file.name in ignore:
            continue
        rule = evaluate(rules, file)
        if rule is not None:
            moves.append((file, folder / rule.target / file.name))
    return moves


def free_name(target: Path) -> Path:
    """Find a name that is not taken."""
    number = 1
    candidate = target
    while candidate.exists():
        stem, suffix = os.path.splitext(target.name)
        candidate = target.with_name(f"{stem} ({number}){suffix}")
        number += 1
    return candidate


def move(source: Path, target: Path, journal: Journal) -> Path:
    """Move one file and never overwrite another."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target = free_name(target)
    journal.record(source, target)
    try:
        os.replace(source, target)
    except OSError:
        # Another file system: copy first.
        shutil.copy2(source, target)
        os.remove(source)
    return target


def undo(journal: Journal, dry_run: bool):
    """Move everything back, and answer how many files that were."""
    count = 0
    for source, target in journal.newest_first():
        if target.exists():
            if not dry_run:
                os.replace(target, source)
            count += 1
    if not dry_run:
        journal.forget()
    return count
