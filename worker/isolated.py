"""The contained processes of a worker: what the fork server has ready before it forks, and what they may raise."""

import asyncio
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from worker.analyzers import analyze
from worker.analyzers.analyze import Analysis
from worker.core.settings import Settings
from worker.core.telemetry.masking import mask_file
from worker.isolation.contained import Isolation
from worker.isolation.inside import adapter
from worker.remediation.worktree import Worktree
from worker.sources import errors, make
from worker.verification import examination
from worker.verification.constitution import reading
from worker.verification.constitution.criteria import ConstitutionRejected
from worker.verification.constitution.extractor import Extractor
from worker.verification.examination import Examination, Tools

_ERRORS = (
    ConstitutionRejected, errors.SourceError, errors.SourceNotFound, errors.SourceTooLarge, errors.SourceUnavailable,
    errors.SourceUnsafe, errors.PatchRejected,
)  # fmt: skip
_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    make.make, mask_file, reading.read, analyze.analyze, examination.plan, examination.preview,
    examination.decide_static,
    Extractor.begin, Extractor.take, Extractor.reading,
    Examination.index, Examination.open, Examination.piece, Examination.scouted, Examination.show, Examination.look,
    Examination.hear, Examination.hear_again,
    Worktree.open, Worktree.state, Worktree.stand, Worktree.patch, Worktree.result, Worktree.around,
    Worktree.found_again, Worktree.look, Worktree.show, Worktree.try_all, Worktree.test,
)  # fmt: skip
_RULES = "# Rules\n\n- Code MUST NOT call `eval()`.\n- Every function MUST have a docstring.\n"
_SAMPLES = {
    "a.py": "import os\n\n\ndef run(text):\n    return eval(text)\n",
    "a.js": "import x from './b';\nexport function run() {}\n",
    "a.ts": "export class A { run(): number { return 1; } }\n",
    "a.tsx": "export const A = () => <p>text</p>;\n",
    "a.go": 'package a\n\nimport "fmt"\n\nfunc Run() {}\n',
    "A.java": "import java.util.List;\n\nclass A { void run() {} }\n",
    "a.rs": "use std::fs;\n\nfn run() {}\n",
    "a.c": '#include "a.h"\n\nint run(void) { return 1; }\n',
    "a.yaml": "password: example\n",
    "a.md": "# A\n",
}


def isolation() -> Isolation:
    """For one worker process."""
    return Isolation(f"{__name__}:prepare", _ERRORS)


def prepare() -> None:
    """In the fork server: make once what each contained process would make again. All of it is our own text."""
    for function in _FUNCTIONS:
        adapter(function)
    with tempfile.TemporaryDirectory(prefix="invariant-prepare-") as folder:
        settings = Settings.model_construct()
        request = make.Request(None, content=json.dumps(_SAMPLES).encode(), content_format="files")
        snapshot = asyncio.run(make.made(request, Path(folder), settings))
        tools = Tools(("ruff", "bandit"), {})
        plan = examination.plan(_RULES, tools)
        criteria = examination.checkable(plan.by_rules) if plan.by_rules else []
        analysis = Analysis((), (), ())
        examination.decide_static(snapshot, analysis, _RULES, criteria, tools)
        case = Examination()
        case.index(snapshot)
        patterned = [replace(criterion, patterns=(r"\beval\(",)) for criterion in criteria]
        case.open(patterned, analysis, _RULES, settings)
        case.show(settings)
        case.hear((), settings)
