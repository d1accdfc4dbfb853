"""`invariant demo`: the whole product once, on the bundled example or on a project of the user's."""

import argparse
import time
from pathlib import Path

from rich.console import Console

from client.http import ApiError, Client
from invariant import render, stack
from worker.core import settings as environment
from worker.core.version import VERSION

EXAMPLE = Path(__file__).parent / "example"
ERROR = 3


def command(arguments: argparse.Namespace) -> int:
    """Start a stack, verify, show, stop. 0 when there is a verdict, whichever it is; 3 otherwise."""
    console = Console()
    if bool(arguments.path) != bool(arguments.constitution):
        console.print("Give both or neither: demo PATH --constitution FILE", markup=False)
        return ERROR
    path = Path(arguments.path).resolve() if arguments.path else EXAMPLE / "shelf"
    constitution = Path(arguments.constitution) if arguments.constitution else EXAMPLE / "CONSTITUTION.md"
    for wanted, is_there in ((path, path.is_dir()), (constitution, constitution.is_file())):
        if not is_there:
            console.print(f"There is no {wanted}.", markup=False)
            return ERROR
    began = time.monotonic()
    try:
        word = _show(console, path, constitution)
    except (ApiError, RuntimeError, OSError, UnicodeDecodeError) as error:
        console.print(str(error), markup=False)
        return ERROR
    console.print(f"[dim]Everything that was started is stopped. {time.monotonic() - began:.1f} s in all.[/dim]")
    return ERROR if word == "ERROR" else 0


def _show(console: Console, path: Path, constitution: Path) -> str:
    config = environment.load()
    text = constitution.read_text(encoding="utf-8")
    console.print(f"[bold]Invariant[/bold] verifies {path}\nagainst {constitution.resolve()}\n", highlight=False)
    console.print("[dim]starting Postgres, api and worker …[/dim]")
    with stack.running(config) as local, Client(local.url, local.token, f"invariant/{VERSION}") as client:
        run_id = client.enqueue({"kind": "path", "path": str(path)}, text, labels={"event": "demo"})["id"]
        with render.progress(console) as bar:
            for event in client.follow(run_id):
                bar.show(event)
        document = client.verdict(run_id)
        render.verdict(console, document)
        if document["verdict"] != "ERROR":
            folder = stack.home(config) / "reports" / run_id
            _keep(client, run_id, folder)
            console.print(f"\nThe report:   {folder / 'REPORT.md'}", highlight=False, soft_wrap=True)
            console.print(f"For programs: {folder / 'verdict.json'} and verdict.sarif", highlight=False, soft_wrap=True)
    return str(document["verdict"])


def _keep(client: Client, run_id: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in (("report", "REPORT.md"), ("verdict", "verdict.json"), ("sarif", "verdict.sarif")):
        (folder / file).write_bytes(client.document(run_id, name))
