"""Which constitution a folder is verified against: the one that was named, or the one that its people keep in it."""

from pathlib import Path

PLACES = (".tribunal/constitution.md", ".specify/memory/constitution.md", "CONSTITUTION.md")
"""Where one is looked for, the first that is there being it."""


class NoConstitution(RuntimeError):
    """There is none, or it cannot be read. The message is for the person at the terminal."""


def locate(folder: Path) -> Path:
    """The constitution that is kept in `folder`. Raises NoConstitution."""
    for place in PLACES:
        path = folder / place
        if not _is_file(path):
            continue
        # What is read is sent away and printed, and a folder may be a stranger's: no link may name a file of ours.
        if not path.resolve().is_relative_to(folder.resolve()):
            raise NoConstitution(f"{place} is a link that leads out of {folder}; name the file with --constitution.")
        return path
    raise NoConstitution(
        f"There is no constitution in {folder}. It is looked for in {', '.join(PLACES[:-1])} and {PLACES[-1]}; "
        "another file is named with --constitution FILE."
    )


def read(path: Path) -> str:
    """Its text. Raises NoConstitution."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoConstitution(f"The constitution {path} cannot be read: {error}.") from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
