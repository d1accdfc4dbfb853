"""Prompts as files beside the code that asks: their text, their version, and the fence around what strangers wrote."""

from functools import cache
from importlib.resources import files

from worker.core.ids import sha256
from worker.llm.gateway import NONCE


@cache
def text(package: str, name: str) -> str:
    """A prompt's text, with `{nonce}` replaced by the gateway's mark for it."""
    return (files(package) / f"{name}.md").read_text("utf-8").strip().replace("{nonce}", NONCE)


@cache
def version(package: str) -> str:
    """`number-hash`: the hash changes with any of the texts, whoever forgets to raise the number."""
    folder = files(package)
    number = (folder / "VERSION").read_text("utf-8").strip()
    every = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".md")), key=lambda entry: entry.name)
    return f"{number}-{sha256(b''.join(entry.read_bytes() for entry in every))[:8]}"


def fenced(title: str, content: str) -> str:
    """`content` between marks that it cannot hold, as data and not as an instruction."""
    return f"{title}\n<<<DATA {NONCE}\n{content}\nDATA {NONCE}>>>"
