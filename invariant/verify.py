"""`invariant verify`: a folder against a constitution, for people and for CI.

Exit codes: 0 PASS, 1 FAIL or VETO, 2 PARTIAL, 3 ERROR, and 3 as well when nothing could be verified.
"""

import argparse
import contextlib
import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from client.http import ApiError, Client
from invariant import render, stack
from worker.core import settings as environment
from worker.core.settings import Settings
from worker.core.version import VERSION
from worker.sources.folder import select

EXIT_CODES = {"PASS": 0, "FAIL": 1, "VETO": 1, "PARTIAL": 2, "ERROR": 3}
ERROR = 3
INTERRUPTED = 130

_DOCUMENTS = {"json": "verdict", "sarif": "sarif", "markdown": "report"}


def command(arguments: argparse.Namespace) -> int:
    """Verify `arguments.path` against `arguments.constitution`; returns the exit code."""
    told = Console(stderr=True)
    path, constitution = Path(arguments.path).resolve(), Path(arguments.constitution)
    if not path.is_dir():
        told.print(f"There is no folder {path}.", markup=False)
        return ERROR
    try:
        text = constitution.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told.print(f"The constitution {constitution} cannot be read: {error}.", markup=False)
        return ERROR
    try:
        config = environment.load()
        with connected(config) as (client, is_local):
            return _verify(client, path, text, arguments=arguments, told=told, is_local=is_local)
    except (ApiError, RuntimeError) as error:
        told.print(str(error), markup=False)
        return ERROR


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
    client: Client, path: Path, constitution: str, *, arguments: argparse.Namespace, told: Console, is_local: bool
) -> int:
    source = (
        {"kind": "path", "path": str(path)} if is_local else {"kind": "upload", "upload_id": client.upload(pack(path))}
    )
    run = client.enqueue(source, constitution, labels={"event": "command-line"})
    run_id = run["id"]
    try:
        with render.progress(told) as bar:
            for event in client.follow(run_id):
                bar.show(event)
    except KeyboardInterrupt:
        with contextlib.suppress(ApiError):
            client.cancel(run_id)
        told.print("Cancelled.")
        return INTERRUPTED
    ended = client.run(run_id)
    if ended["status"] == "cancelled":
        told.print("The run was cancelled.")
        return ERROR
    document = client.verdict(run_id)
    _write(client, run_id, document=document, arguments=arguments)
    return EXIT_CODES[document["verdict"]]


def _write(client: Client, run_id: str, *, document: dict[str, object], arguments: argparse.Namespace) -> None:
    if arguments.format == "table":
        render.verdict(Console(), document)
        return
    if document["verdict"] == "ERROR" and arguments.format != "json":
        sys.stderr.write(f"ERROR {document['reason']}\n")
        return
    content = client.document(run_id, _DOCUMENTS[arguments.format])
    if arguments.output:
        Path(arguments.output).write_bytes(content)
    else:
        sys.stdout.buffer.write(content.rstrip(b"\n") + b"\n")
        sys.stdout.flush()


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
