"""`invariant eval run | compare | import | feedback`."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from client.http import ApiError
from invariant.bench.decisions import cases
from invariant.eval import printing, running, scoring
from invariant.eval.answers import CaseAnswers
from invariant.eval.feedback import from_feedback
from invariant.eval.importers import IMPORTERS, NotImported
from invariant.eval.running import Kept
from invariant.printable import say
from invariant.verify import connected
from worker.core import settings as environment

_BUNDLED = Path(__file__).parents[1] / "bench" / "decisions"
_USAGE_ERROR = 3


def command(arguments: argparse.Namespace) -> int:
    """Returns 0, 1 when a comparison shows that the second configuration is worse, 3 for what cannot be done."""
    messages = Console(stderr=True)
    try:
        return _COMMANDS[arguments.what](arguments, messages)
    except (ApiError, NotImported, RuntimeError, cases.NotACase) as error:
        say(messages, f"eval: {error}")
        return _USAGE_ERROR


def _run(arguments: argparse.Namespace, messages: Console) -> int:
    """Verify a suite, or the bundled one, and print its figures."""
    folders = [Path(path) for path in arguments.paths] or [_BUNDLED]
    loaded = [case for folder in folders for case in cases.load_all(folder)]
    if not loaded:
        raise ApiError(f"There are no cases in {', '.join(map(str, folders))}.")
    names = [case.name for case in loaded]
    if len(set(names)) < len(names):
        raise ApiError("Two cases have the same name; the figures would be one's.")
    kept = Kept(Path(arguments.output or ".") / f"{arguments.name}.jsonl")
    with connected(environment.load()) as (client, is_local):
        given = running.run(
            client,
            loaded,
            kept,
            at_once=arguments.at_once,
            is_local=is_local,
            told=lambda line: say(messages, line),
        )
    _print(arguments, given)
    say(messages, f"answers: {kept.path}")
    return 0


def _print(arguments: argparse.Namespace, given: list[CaseAnswers]) -> None:
    scores = scoring.score(arguments.name, given)
    printing.show(scores, Console(highlight=False))
    if arguments.json:
        text = json.dumps(scoring.document(scores), indent=2, ensure_ascii=False)
        Path(arguments.json).write_text(f"{text}\n", encoding="utf-8")
    if arguments.calibration:
        Path(arguments.calibration).write_text(f"{json.dumps(scoring.calibration(given))}\n", encoding="utf-8")
    if arguments.html:
        Path(arguments.html).write_text(printing.page(scores), encoding="utf-8")


def _compare(arguments: argparse.Namespace, _: Console) -> int:
    """Compare two files of answers on what both were asked."""
    if len(arguments.paths) != 2:
        raise ApiError("compare takes two files of answers, as `eval run` writes them.")
    first, second = (Path(path) for path in arguments.paths)
    compared = scoring.compare(first.stem, running.loaded(first), second.stem, running.loaded(second))
    console = Console(highlight=False)
    console.print(compared.sentence, markup=False, soft_wrap=True)
    if compared.only:
        console.print(f"{compared.only} criteria were read for one of them alone, and are left out.")
    return int(compared.paired.shown and compared.paired.difference < 0)


def _import(arguments: argparse.Namespace, messages: Console) -> int:
    """Make a suite of a public set."""
    if len(arguments.paths) != 2 or arguments.paths[0] not in IMPORTERS:
        raise NotImported(f"import takes one of {', '.join(IMPORTERS)}, and the set.")
    kind, source = arguments.paths
    target = Path(arguments.output or "suite")
    count = IMPORTERS[kind](Path(source), target)
    say(messages, f"{count} case(s) in {target}")
    return 0


def _feedback(arguments: argparse.Namespace, messages: Console) -> int:
    """Make a suite of what people marked."""
    target = Path(arguments.output or "suite")
    with connected(environment.load()) as (client, _):
        made, skipped = from_feedback(client, target)
    say(messages, f"{made} case(s) in {target}")
    for reason, count in skipped.items():
        say(messages, f"{count} run(s) left out: {reason}")
    return 0


_COMMANDS = {"run": _run, "compare": _compare, "import": _import, "feedback": _feedback}
