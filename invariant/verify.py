"""`invariant verify`: a folder against a constitution, for people and for CI.

Exit codes: 0 PASS, 1 FAIL or VETO, 2 PARTIAL, 3 ERROR, and 3 as well when nothing could be verified.
"""

import argparse
import asyncio
import contextlib
import io
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from client.http import ApiError, Client
from invariant import constitution, outputs, render, stack
from invariant.constitution import NoConstitution
from invariant.outputs import Output
from invariant.printable import printable, say
from invariant.progress import progress
from worker.core import settings as environment
from worker.core.settings import Settings
from worker.core.version import VERSION
from worker.sources import checkout
from worker.sources.folder import select

EXIT_CODES = {"PASS": 0, "FAIL": 1, "VETO": 1, "PARTIAL": 2, "ERROR": 3}
ERROR = 3
INTERRUPTED = 130

# What the api takes as a label's value.
_LABEL_LENGTH = 256
_DOCUMENTS = {"json": "verdict", "sarif": "sarif", "markdown": "report"}


def command(arguments: argparse.Namespace) -> int:
    """Verify `arguments.path`; returns the exit code."""
    messages = Console(stderr=True)
    path = Path(arguments.path).resolve()
    try:
        if not path.is_dir():
            raise NoConstitution(f"There is no folder {path}.")
        wanted = outputs.plan(arguments.output, arguments.format)
        named = arguments.constitution
        text = constitution.read(Path(named) if named else located(path, messages))
        config = environment.load()
        with connected(config) as (client, is_local):
            return _verify(client, path, text, wanted=wanted, messages=messages, is_local=is_local)
    except (ApiError, RuntimeError) as error:
        say(messages, str(error))
        return ERROR


def located(path: Path, messages: Console) -> Path:
    place = constitution.locate(path)
    say(messages, f"Constitution: {place.relative_to(path)}, found in {path}")
    return place


@contextlib.contextmanager
def connected(config: Settings) -> Iterator[tuple[Client, bool]]:
    """A client of CVA_BACKEND_URL, or of a local stack that lasts as long as the block (True)."""
    if config.backend_url:
        token = config.api_token.get_secret_value() if config.api_token else None
        with Client(config.backend_url, token, f"invariant/{VERSION}") as client:
            yield client, False
        return
    with stack.running(config) as local, Client(local.url, local.token, f"invariant/{VERSION}") as client:
        yield client, True


def _verify(
    client: Client, path: Path, text: str, *, wanted: Sequence[Output], messages: Console, is_local: bool
) -> int:
    source, labels = source_of(client, path, is_local=is_local)
    run_id = client.enqueue(source, text, labels=labels)["id"]
    try:
        with progress(messages) as view:
            for event in client.follow(run_id):
                view.show(event)
    except KeyboardInterrupt:
        with contextlib.suppress(ApiError):
            client.cancel(run_id)
        say(messages, "Cancelled.")
        return INTERRUPTED
    if client.run(run_id)["status"] == "cancelled":
        say(messages, "The run was cancelled.")
        return ERROR
    document = client.verdict(run_id)
    _write(client, run_id, document, wanted=wanted, messages=messages)
    return EXIT_CODES[document["verdict"]]


def source_of(client: Client, path: Path, *, is_local: bool) -> tuple[dict[str, str], dict[str, str]]:
    """(the source that names the folder, the run's labels); what is not local is uploaded."""
    labels = {"event": "command-line"}
    if is_local:
        return {"kind": "path", "path": str(path)}, labels
    return {"kind": "upload", "upload_id": client.upload(pack(path))}, labels | revision(path)


def _write(
    client: Client, run_id: str, document: dict[str, Any], *, wanted: Sequence[Output], messages: Console
) -> None:
    # A run that ended with ERROR left neither report nor SARIF.
    failed = document["verdict"] == "ERROR"
    writable = [output for output in wanted if not failed or output.format in ("json", "table")]
    for output in writable:
        if output.format != "table":
            content = client.document(run_id, _DOCUMENTS[output.format])
            if output.path is None:
                _to_standard_output(content)
            else:
                outputs.write(output.path, content)
        elif output.path is not None:
            outputs.write(output.path, render.plain(document).encode())
        else:
            render.show(Console(), document)
    if not any(output.path is None for output in writable):
        say(messages, f"{document['verdict']}  {document['reason']}")
    for output in wanted:
        if output.path is not None:
            say(messages, f"{'written' if output in writable else 'not written'}: {output.path}")


def _to_standard_output(content: bytes) -> None:
    if sys.stdout.isatty():
        content = printable(content.decode(errors="replace")).encode()
    sys.stdout.buffer.write(content.rstrip(b"\n") + b"\n")
    sys.stdout.flush()


def revision(path: Path) -> dict[str, str]:
    """The commit that the folder is, and its branch, as labels of a run; empty where it is none."""
    files = {file.relative_to(path).as_posix(): file for file in select(path).files}
    with tempfile.TemporaryDirectory() as work:
        found = asyncio.run(checkout.revision(path, files, Path(work) / "git"))
    if found is None:
        return {}
    labels = {"commit": found.commit, "branch": found.branch or ""}
    return {name: value for name, value in labels.items() if 0 < len(value) <= _LABEL_LENGTH}


def pack(path: Path) -> bytes:
    """The folder as tar.gz, without what tools generate and without links; the same bytes for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=6) as archive:
        for found in select(path).files:
            info = tarfile.TarInfo(found.relative_to(path).as_posix())
            info.size = found.stat().st_size
            info.mode = 0o755 if os.access(found, os.X_OK) else 0o644
            with found.open("rb") as file:
                archive.addfile(info, file)
    return buffer.getvalue()
