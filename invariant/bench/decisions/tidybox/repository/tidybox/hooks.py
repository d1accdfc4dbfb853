"""Commands of the user that run after a sort."""

import subprocess
from pathlib import Path


def notify(title: str) -> None:
    """Show a desktop notification, if there is a program for it."""
    try:
        subprocess.run(["notify-send", "tidybox", title], check=False, timeout=5)
    except FileNotFoundError:
        return


def after(command: str, folder: Path) -> list[str]:
    """Run the hook in the folder and answer its output."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        shell=True,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    process.wait()
    return lines
