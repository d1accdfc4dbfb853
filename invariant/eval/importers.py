"""Suites from public sets that come as files.

- SARIF 2.1.0 with expected results (`kind` `fail` and `pass`), sources beside it: section 3.27.9 of the standard
- OWASP BenchmarkPython: its folder, with `expectedresults-*.csv` and `testcode/`
- BugsInPy: a project's folder, with `project.info` and `bugs/*/{bug.info,bug_patch.txt}`
- SWE-bench's instances, JSON or a JSON document a line: `repo`, `base_commit`, `patch`, `problem_statement`
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from invariant.bench.decisions.cases import Source
from invariant.eval.writing import Requirement, name_of, write
from worker.core.vocabulary import CriterionKind

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_OLD = re.compile(r"^--- (?:a/)?(\S+)")
_INFO = re.compile(r'^(\w+)\s*=\s*"?([^"\n]*)"?\s*$', re.MULTILINE)
# BenchmarkPython's short words.
_CATEGORIES = {
    "cmdi": "command injection",
    "codeinj": "code injection",
    "deserialization": "deserialization of untrusted data",
    "hash": "weak hash",
    "ldapi": "LDAP injection",
    "pathtraver": "path traversal",
    "redirect": "unchecked redirect",
    "securecookie": "insecure cookie",
    "sqli": "SQL injection",
    "trustbound": "violation of a trust boundary",
    "weakrand": "weak randomness",
    "xpathi": "XPath injection",
    "xss": "cross-site scripting",
    "xxe": "XML external entities",
}
_INSTANCE = {"instance_id", "repo", "base_commit", "patch", "problem_statement"}
_RULE = "Code MUST NOT do what the rule {rule} finds: {words}"


class NotImported(ValueError):
    """The set is not in the form that was named. The message says what is missing."""


def sarif(source: Path, target: Path) -> int:
    """One case: every rule is a requirement, broken where a result of it is expected to fail."""
    document = _json(source)
    broken: dict[str, list[str]] = defaultdict(list)
    words: dict[str, str] = {}
    root = source.parent
    paths: set[str] = set()
    for run in document.get("runs", ()):
        for rule in run.get("tool", {}).get("driver", {}).get("rules", ()):
            text = rule.get("shortDescription") or rule.get("fullDescription") or {"text": rule["id"]}
            words[rule["id"]] = text["text"]
        for result in run.get("results", ()):
            rule_id = result.get("ruleId") or result.get("rule", {}).get("id", "")
            broken.setdefault(rule_id, [])
            for path, line in _places(result):
                paths.add(path)
                if result.get("kind", "fail") == "fail":
                    broken[rule_id].append(f"{path}:{line}")
    if not broken:
        raise NotImported(f"{source} has no results.")
    requirements = [
        Requirement(_RULE.format(rule=rule, words=words.get(rule, rule)), bool(of), tuple(of), topic=rule)
        for rule, of in sorted(broken.items())
    ]
    files = [(path, (root / path).read_bytes()) for path in sorted(paths) if (root / path).is_file()]
    if not files:
        raise NotImported(f"None of the files that {source} names stands beside it.")
    write(target / name_of(source.stem), requirements, summary=source.name, languages=_languages(paths), files=files)
    return 1


def _places(result: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for location in result.get("locations", ()):
        physical = location.get("physicalLocation", {})
        uri = unquote(urlsplit(physical.get("artifactLocation", {}).get("uri", "")).path).lstrip("/")
        if uri and ".." not in uri.split("/"):
            yield uri, int(physical.get("region", {}).get("startLine", 1))


def owasp(source: Path, target: Path) -> int:
    """A case for each test: one file, one requirement, named by its category."""
    table = next(iter(sorted(source.glob("expectedresults*.csv"))), None)
    if table is None:
        raise NotImported(f"{source} has no expectedresults-*.csv.")
    count = 0
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.reader(line for line in rows if not line.startswith("#")):
            test, category, real, cwe = (value.strip() for value in row[:4])
            file = next(iter(source.glob(f"testcode/**/{test}.py")), None)
            if file is None:
                continue
            requirement = Requirement(
                f"Code MUST NOT have a weakness of the kind «{_CATEGORIES.get(category, category)}» (CWE-{cwe}).",
                real.lower() == "true",
                why=f"{table.name}: {real}",
                topic=category,
            )
            files = [(file.name, file.read_bytes())]
            write(target / name_of(test), [requirement], summary=test, languages=["python"], files=files)
            count += 1
    if not count:
        raise NotImported(f"None of the tests in {table} has a file in {source / 'testcode'}.")
    return count


def bugsinpy(source: Path, target: Path) -> int:
    """Two cases for each bug: the commit that has it, and the one that mends it."""
    info = dict(_INFO.findall(_read(source / "project.info")))
    url = info.get("github_url")
    if not url:
        raise NotImported(f"{source / 'project.info'} names no github_url.")
    count = 0
    for folder in sorted((source / "bugs").glob("*"), key=lambda path: (len(path.name), path.name)):
        if not (folder / "bug.info").is_file():
            continue
        bug = dict(_INFO.findall(_read(folder / "bug.info")))
        places = tuple(changed(_read(folder / "bug_patch.txt")))
        where = ", ".join(sorted({place.rpartition(":")[0] for place in places}))
        text = f"The code in {where} MUST do in every case what its tests ({bug.get('test_file', 'tests')}) require."
        for word, commit in (("buggy", "buggy_commit_id"), ("fixed", "fixed_commit_id")):
            requirement = Requirement(
                text,
                word == "buggy",
                places if word == "buggy" else (),
                why=f"bug {folder.name}",
                kind=CriterionKind.EVERYWHERE,
                topic="bug",
            )
            write(
                target / name_of(f"{source.name}-{folder.name}-{word}"),
                [requirement],
                summary=f"{source.name}, bug {folder.name}, {word}",
                languages=["python"],
                source=Source(url=url, commit=bug[commit]),
            )
            count += 1
    if not count:
        raise NotImported(f"{source} has no bugs/*/bug.info.")
    return count


def swebench(source: Path, target: Path) -> int:
    """A case for each instance: the commit that has the defect, and its description as what must not be."""
    text = _read(source)
    try:
        whole = text.lstrip().startswith("[")
        instances = json.loads(text) if whole else [json.loads(line) for line in text.split("\n") if line.strip()]
    except ValueError as error:
        raise NotImported(f"{source} is no JSON: {error}") from None
    if not instances or any(not isinstance(one, dict) or _INSTANCE - one.keys() for one in instances):
        raise NotImported(f"{source} holds no instances with {', '.join(sorted(_INSTANCE))}.")
    for instance in instances:
        title = instance["problem_statement"].strip().partition("\n")[0]
        requirement = Requirement(
            f"The software MUST NOT have this defect: {title}",
            broken=True,
            places=tuple(changed(instance["patch"])),
            why=instance["instance_id"],
            topic="defect",
        )
        repo = Source(url=f"https://github.com/{instance['repo']}.git", commit=instance["base_commit"])
        write(
            target / name_of(instance["instance_id"]),
            [requirement],
            summary=instance["instance_id"],
            languages=sorted(_languages(place.rpartition(":")[0] for place in requirement.places)),
            source=repo,
        )
    return len(instances)


def changed(patch: str) -> Iterator[str]:
    """`path:line` of each line that a unified diff removes, and of where it only adds, before the change."""
    path, line, left, after, removed, adds = "", 0, 0, 0, False, 0
    for row in patch.split("\n"):
        if left <= 0 and after <= 0:
            # Between hunks; within one a removed line may look like a header.
            if (old := _OLD.match(row)) is not None:
                path = old[1]
            elif (hunk := _HUNK.match(row)) is not None:
                line, removed, adds = int(hunk[1]), False, 0
                left, after = int(hunk[2] or 1), int(hunk[3] or 1)
        elif row.startswith("-"):
            removed, left = True, left - 1
            yield f"{path}:{line}"
            line += 1
        elif row.startswith("+"):
            adds, after = adds + 1, after - 1
            if adds == 1 and not removed:
                yield f"{path}:{max(1, line - 1)}"
        elif not row.startswith("\\"):
            line, left, after, removed, adds = line + 1, left - 1, after - 1, False, 0


def _languages(paths: "set[str] | Iterator[str]") -> list[str]:
    known = {"py": "python", "js": "javascript", "ts": "typescript", "go": "go", "java": "java", "rs": "rust", "c": "c"}
    found = {known.get(path.rpartition(".")[2], "") for path in paths} - {""}
    return sorted(found) or ["other"]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotImported(f"{path} cannot be read: {error}") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(_read(path))
    except ValueError as error:
        raise NotImported(f"{path} is no JSON: {error}") from None
    return document


IMPORTERS: dict[str, Callable[[Path, Path], int]] = {
    "sarif": sarif,
    "owasp-python": owasp,
    "bugsinpy": bugsinpy,
    "swe-bench": swebench,
}
