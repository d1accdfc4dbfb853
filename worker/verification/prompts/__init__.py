"""The prompts, as files with one version: it is part of the ledger's key, so a new version asks anew."""

from functools import cache
from importlib.resources import files

from worker.core.ids import sha256
from worker.llm.gateway import NONCE


@cache
def text(name: str) -> str:
    """A prompt's text, with `{nonce}` replaced by the gateway's mark for it."""
    return (files(__package__) / f"{name}.md").read_text("utf-8").strip().replace("{nonce}", NONCE)


@cache
def version() -> str:
    """`number-hash`: the hash changes with any of the texts, whoever forgets to raise the number."""
    folder = files(__package__)
    number = (folder / "VERSION").read_text("utf-8").strip()
    every = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".md")), key=lambda entry: entry.name)
    return f"{number}-{sha256(b''.join(entry.read_bytes() for entry in every))[:8]}"


def fenced(title: str, content: str) -> str:
    """`content` between marks that it cannot hold, as data and not as an instruction."""
    return f"{title}\n<<<DATA {NONCE}\n{content}\nDATA {NONCE}>>>"
