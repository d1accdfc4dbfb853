"""`invariant demo`: the whole product once, on the bundled example or on a project of the user's."""

import argparse
import contextlib
import signal
import time
from pathlib import Path

from rich.console import Console

from client.http import ApiError, Client
from invariant import constitution, fix, render, stack
from invariant.constitution import NoConstitution
from invariant.printable import say
from invariant.progress import progress
from worker.core import settings as environment
from worker.core.version import VERSION

EXAMPLE = Path(__file__).parent / "example"
ERROR = 3
_VIEWER = "demo"


def command(arguments: argparse.Namespace) -> int:
    """Start a stack, verify, show, stop. 0 when there is a verdict, whichever it is; 3 otherwise."""
    console = Console()
    began = time.monotonic()
    try:
        path, rules = _subject(arguments.path, arguments.constitution)
        word = _show(console, path, rules, stays=arguments.open)
    except (ApiError, RuntimeError, OSError) as error:
        say(console, str(error))
        return ERROR
    console.print(f"[dim]Everything that was started is stopped. {time.monotonic() - began:.1f} s in all.[/dim]")
    return ERROR if word == "ERROR" else 0


def _subject(path: str | None, named: str | None) -> tuple[Path, Path]:
    """The folder, and the constitution to verify it against. Raises NoConstitution."""
    if path is None:
        if named is not None:
            raise NoConstitution("A constitution goes with a folder: demo PATH --constitution FILE")
        return EXAMPLE / "shelf", EXAMPLE / "CONSTITUTION.md"
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise NoConstitution(f"There is no folder {folder}.")
    return folder, Path(named) if named else constitution.locate(folder)


def _show(console: Console, path: Path, rules: Path, *, stays: bool) -> str:
    """The verdict's word. `stays`: the pages are served until somebody presses Ctrl-C."""
    config = environment.load()
    text = constitution.read(rules)
    say(console, f"Invariant verifies {path}\nagainst {rules.resolve()}\n")
    console.print("[dim]starting Postgres, api and worker …[/dim]")
    # Who looks at the pages is to see the run, which is nobody's.
    seen = {"CVA_ADMINS": _VIEWER} if stays else {}
    with (
        stack.running(config, environment=seen) as local,
        Client(local.url, local.token, f"invariant/{VERSION}") as client,
    ):
        run_id = client.enqueue({"kind": "path", "path": str(path)}, text, labels={"event": "demo"})["id"]
        with progress(console) as view:
            for event in client.follow(run_id):
                view.show(event)
        document = client.verdict(run_id)
        render.show(console, document)
        if document["verdict"] != "ERROR":
            folder = stack.home(config) / "reports" / run_id
            _keep(client, run_id, folder)
            say(console, f"\nThe report:   {folder / 'REPORT.md'}")
            say(console, f"For programs: {folder / 'verdict.json'} and verdict.sarif")
            if any(criterion["outcome"] == "FAIL" for criterion in document["criteria"]):
                console.print("\n[bold]What can be fixed[/bold], on a copy:")
                fix.mend(client, run_id, console, ask=False)
        if stays:
            with stack.pages(local) as url:
                say(console, f"\nThe pages:    {url}/runs/{run_id}")
                say(console, f"              log in as «{_VIEWER}»; stop with Ctrl-C")
                with contextlib.suppress(KeyboardInterrupt):
                    signal.pause()
    return str(document["verdict"])


def _keep(client: Client, run_id: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in (("report", "REPORT.md"), ("verdict", "verdict.json"), ("sarif", "verdict.sarif")):
        (folder / file).write_bytes(client.document(run_id, name))
