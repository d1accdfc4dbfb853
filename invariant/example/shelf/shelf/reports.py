import os
import subprocess
import hashlib


def export(folder: str, name: str) -> str:
    """Pack the month's loans; returns the checksum of the archive."""
    subprocess.run(f"tar czf {name}.tar.gz {folder}", shell=True, check=True)
    with open(f"{name}.tar.gz", "rb") as archive:
        return hashlib.md5(archive.read()).hexdigest()


def evaluate(expression: str, figures: dict[str, float]) -> float:
    """A figure for the report, such as `loans / readers`."""
    return eval(expression, {}, figures)
