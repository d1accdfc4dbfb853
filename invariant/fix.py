"""`invariant fix`: verify a folder and fix what is broken, on a copy; with --apply in the folder itself."""

import argparse
import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from client.http import ApiError, Client
from invariant import constitution, outputs, patches
from invariant.constitution import NoConstitution
from invariant.printable import say
from invariant.progress import progress
from invariant.verify import ERROR, EXIT_CODES, INTERRUPTED, connected, located, source_of
from worker.core import settings as environment

FINAL = ("completed", "failed", "stopped", "aborted", "rolled_back")
# A run's stream ends with the run, so what follows from it is looked at.
_LOOK_SECONDS = 0.3
_TOLD = {
    "issues": "finding root causes",
    "proposed": "a fix is proposed",
    "applied": "a fix is applied to the copy",
    "verifying": "having it judged again",
    "verified": "a fix is proven",
    "reverted": "a fix is taken back",
}


class NotClean(RuntimeError):
    """The folder is not in a state that a fix could be taken out of again."""


def command(arguments: argparse.Namespace) -> int:
    """Verify and fix `arguments.path`; returns the exit code."""
    console, messages = Console(), Console(stderr=True)
    path = Path(arguments.path).resolve()
    try:
        if not path.is_dir():
            raise NoConstitution(f"There is no folder {path}.")
        if arguments.apply:
            check_clean(path)
        named = arguments.constitution
        text = constitution.read(Path(named) if named else located(path, messages))
        with connected(environment.load()) as (client, is_local):
            return _fix(client, path, text, arguments, console=console, messages=messages, is_local=is_local)
    except (ApiError, RuntimeError) as error:
        say(messages, str(error))
        return ERROR


def _fix(
    client: Client,
    path: Path,
    text: str,
    arguments: argparse.Namespace,
    *,
    console: Console,
    messages: Console,
    is_local: bool,
) -> int:
    source, labels = source_of(client, path, is_local=is_local)
    run_id = client.enqueue(source, text, labels=labels)["id"]
    try:
        with progress(messages) as view:
            for event in client.follow(run_id):
                view.show(event)
        before = client.verdict(run_id)
        say(console, f"{before['verdict']}  {before['reason']}")
        if not any(criterion["outcome"] == "FAIL" for criterion in before.get("criteria", ())):
            say(console, "Nothing is broken for certain, so there is nothing to fix.")
            return EXIT_CODES[before["verdict"]]
        view_of, patch = mend(client, run_id, console, ask=sys.stdin.isatty())
    except KeyboardInterrupt:
        with contextlib.suppress(ApiError):
            client.cancel(run_id)
        say(messages, "Cancelled.")
        return INTERRUPTED
    if arguments.output and patch:
        outputs.write(Path(arguments.output), patch)
        say(messages, f"written: {arguments.output}")
    if not patch:
        return EXIT_CODES[before["verdict"]]
    if not arguments.apply:
        say(console, "\nNothing was written to the folder: that takes --apply.")
        return EXIT_CODES[before["verdict"]]
    check_clean(path)
    _apply(path, patch)
    after = client.verdict(view_of["verification_run_id"])
    say(console, f"\nApplied. With the fixes: {after['verdict']}  {after['reason']}")
    return EXIT_CODES[after["verdict"]]


def mend(client: Client, run_id: str, console: Console, *, ask: bool) -> tuple[dict[str, Any], bytes]:
    """Remediate a run, show what comes of it, and return (the remediation, its patch). Where nobody can be asked, what
    needs an approval is left alone."""
    remediation_id = client.remediate(run_id)["id"]
    told = 0
    try:
        while (patch := client.patch(remediation_id)) is None:
            for entry in (entries := client.audit(remediation_id))[told:]:
                if entry["action"] in _TOLD:
                    console.print(f"[dim]· {_TOLD[entry['action']]}[/dim]")
            told = len(entries)
            if client.remediation(remediation_id)["status"] == "awaiting_approval":
                _decide(client, remediation_id, console, ask=ask)
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        with contextlib.suppress(ApiError):
            client.stop(remediation_id, "interrupted at the terminal")
        raise
    view = client.remediation(remediation_id)
    if view["error"] is not None:
        say(console, f"The remediation ended: {view['error']['message']}")
    fixes = _latest(client.fixes(remediation_id))
    for fix in fixes:
        patches.show(console, fix, client.patch_of_fix(fix["id"]) if fix["status"] in ("verified", "proposed") else "")
    kept = sum(fix["status"] == "verified" for fix in fixes)
    without = len(fixes) - kept
    say(
        console, f"\n{_count(kept, 'fix is', 'fixes are')} proven; {_count(without, 'is', 'are')} not made or not kept."
    )
    return view, patch


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _latest(fixes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that was kept and, of what was tried in vain more than once, the last try."""
    last = {tuple(fix["proof"]["criteria"]): fix["iteration"] for fix in fixes}
    return [
        fix
        for fix in fixes
        if fix["status"] not in ("failed", "reverted") or fix["iteration"] == last[tuple(fix["proof"]["criteria"])]
    ]


def _decide(client: Client, remediation_id: str, console: Console, *, ask: bool) -> None:
    """Ask about each fix that waits."""
    for fix in client.fixes(remediation_id):
        if fix["status"] != "proposed" or fix["needs"] != "CONFIRM":
            continue
        if not ask:
            client.decide(fix["id"], approve=False, reason="nobody was at the terminal to approve it")
            continue
        patches.show(console, fix, client.patch_of_fix(fix["id"]))
        word = console.input("  Apply it to the copy, and keep it if it is proven? [y/N] ")
        approve = word.strip().lower() in ("y", "yes")
        client.decide(fix["id"], approve=approve, reason="decided at the terminal")


def _git(path: Path, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(path), *arguments], input=given, capture_output=True, check=False)
    except FileNotFoundError:
        raise NotClean("--apply needs git, which is not installed.") from None


def check_clean(path: Path) -> None:
    """Raises NotClean unless the folder is in a git working tree in which nothing of it is changed or unknown."""
    status = _git(path, "status", "--porcelain", "--untracked-files=all", "--", ".")
    if status.returncode != 0:
        raise NotClean(f"{path} is in no git working tree, so --apply could not be taken back.")
    if status.stdout.strip():
        count = len(status.stdout.splitlines())
        raise NotClean(
            f"git says that {count} path(s) below {path} are changed or unknown; commit or stash them first."
        )


def _apply(path: Path, patch: bytes) -> None:
    top, prefix = (
        _git(path, "rev-parse", what).stdout.decode().strip() for what in ("--show-toplevel", "--show-prefix")
    )
    # From within a folder git silently passes over what it takes for paths outside of it.
    done = _git(Path(top), "apply", "--whitespace=nowarn", f"--directory={prefix}", "-", given=patch)
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise NotClean(f"git did not apply the fixes, and changed nothing: {''.join(last)}")
