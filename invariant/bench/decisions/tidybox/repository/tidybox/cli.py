"""The command line."""

import argparse
import sys
from pathlib import Path

from tidybox import __version__, console, hooks, mover
from tidybox.journal import Journal, JournalError
from tidybox.rules import BadRules, load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tidybox")
    parser.add_argument("--version", action="version", version=__version__, help="show the version")
    commands = parser.add_subparsers(dest="command", required=True)

    sort = commands.add_parser("sort", help="sort a folder")
    sort.add_argument("folder", type=Path, help="the folder to sort")
    sort.add_argument("--rules", type=Path, default=Path("rules.txt"), help="the rules file")
    sort.add_argument("--dry-run", action="store_true", help="only show what would happen")
    sort.add_argument("--hook", help="a command to run afterwards")

    undo = commands.add_parser("undo", help="move everything back")
    undo.add_argument("folder", type=Path, help="the folder that was sorted")
    undo.add_argument("--dry-run", action="store_true", help="only count")

    forget = commands.add_parser("forget", help="delete the journal of a folder")
    forget.add_argument("folder", type=Path, help="the folder that was sorted")
    forget.add_argument("--yes", action="store_true")
    return parser


def _sort(options: argparse.Namespace, journal: Journal) -> int:
    for source, target in mover.plan(options.folder, load(options.rules)):
        if not options.dry_run:
            target = mover.move(source, target, journal)
        console.say(f"{source.name} -> {target.parent.name}/", good=True)
    if options.hook and not options.dry_run:
        for line in hooks.after(options.hook, options.folder):
            console.say(line)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run one command and answer the exit code."""
    options = _parser().parse_args(argv)
    journal = Journal(options.folder / ".tidybox.jsonl")
    try:
        if options.command == "sort":
            return _sort(options, journal)
        if options.command == "undo":
            console.say(f"{mover.undo(journal, options.dry_run)} files")
            return 0
        if options.yes:
            journal.forget()
        return 0
    except BadRules as problem:
        console.error(str(problem))
        return 1
    except JournalError as problem:
        console.error(str(problem))
        return 2


if __name__ == "__main__":
    sys.exit(main())
