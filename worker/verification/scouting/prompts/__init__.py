"""The scouts' prompts, with a version of their own: it is part of the ledger's key."""

from functools import partial

from worker.llm import prompting

text = partial(prompting.text, __package__)
version = partial(prompting.version, __package__)
fenced = prompting.fenced
