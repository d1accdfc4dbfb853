"""The fixer's prompts, as files with one version: it is part of the ledger's key, so a new version asks anew."""

from functools import partial

from worker.llm import prompting

text = partial(prompting.text, __package__)
version = partial(prompting.version, __package__)
fenced = prompting.fenced
