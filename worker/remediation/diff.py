"""Unified diffs that git made, taken apart: by file, and which lines go and come."""


def by_file(patch: str) -> dict[str, str]:
    """The part of each file; a line of code never begins at a diff's margin."""
    found: dict[str, str] = {}
    for part in patch.split("\ndiff --git "):
        section = part if part.startswith("diff --git ") else f"diff --git {part}"
        section = section if section.endswith("\n") else f"{section}\n"
        found |= dict.fromkeys(changed_lines(section), section)
    return found


def changed_lines(patch: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Path → (the lines that go, the lines that come), of a unified diff that git made."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    own: tuple[list[str], list[str]] = ([], [])
    left = (0, 0)
    for line in patch.split("\n"):
        if left == (0, 0):
            if line.startswith("+++ "):
                path = _unquoted(line[4:])
                own = found.setdefault(path.removeprefix("b/"), ([], []))
            elif line.startswith("@@ "):
                left = _sizes(line)
            continue
        gone, come = left
        if line.startswith("-"):
            own[0].append(line[1:])
            left = (gone - 1, come)
        elif line.startswith("+"):
            own[1].append(line[1:])
            left = (gone, come - 1)
        elif not line.startswith("\\"):
            left = (gone - 1, come - 1)
    return {path: (tuple(gone), tuple(come)) for path, (gone, come) in found.items()}


def _sizes(head: str) -> tuple[int, int]:
    """How many lines of each side a hunk has: `@@ -start,size +start,size @@`."""
    old, new = head.split(" ")[1:3]
    sizes = [int(side.partition(",")[2] or 1) for side in (old, new)]
    return sizes[0], sizes[1]


def _unquoted(name: str) -> str:
    """A path as git writes it: in quotes where it holds what needs them."""
    name = name.rstrip("\t")
    if not name.startswith('"'):
        return name
    return (
        name[1:-1]
        .encode("latin-1", "backslashreplace")
        .decode("unicode_escape")
        .encode("latin-1")
        .decode(errors="surrogateescape")
    )
