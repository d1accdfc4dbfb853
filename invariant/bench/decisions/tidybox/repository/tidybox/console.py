"""What people see. Nothing else in the package writes to the terminal: no print() elsewhere."""

import sys

GREEN, RESET = "\033[32m", "\033[0m"


def _colour() -> bool:
    return sys.stdout.isatty()


def say(text: str, good: bool = False) -> None:
    """Write one line to stdout."""
    if good and _colour():
        text = f"{GREEN}{text}{RESET}"
    sys.stdout.write(text + "\n")


def error(text: str) -> None:
    """Write one line to stderr."""
    sys.stderr.write(f"tidybox: {text}\n")
