"""What is fuzzed: every reader of strangers' bytes, the errors that it may answer with, and what its input is like."""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from invariant.fuzz import readers, repositories
from worker.analyzers import sarif
from worker.core.telemetry import masking
from worker.core.untrusted import archives
from worker.core.untrusted.source import adapter
from worker.verification import evidence, lines
from worker.verification.constitution import passages
from worker.verification.opinion import Evidence

_MASKED = ("a.py", "a.yaml", ".env", "a.md", "a.xml", "a.sh", "a.json")
_LIMITS = archives.ArchiveLimits(files=200, total=4 << 20)


class Broken(AssertionError):
    """A reader's answer is not what it promises."""


@dataclass(frozen=True)
class Target:
    """`read` gets the bytes; whatever it raises beyond its documented errors is a failure. `seeds` are inputs to begin
    with, `words` what is often between others."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _archive(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="invariant-fuzz-") as folder:
        root = Path(folder, "root")
        root.mkdir()
        try:
            archives.inspect(io.BytesIO(data), _LIMITS)
            archives.unpack(io.BytesIO(data), root, _LIMITS)
        except archives.ArchiveRejected:
            return
        finally:
            if [path.name for path in Path(folder).iterdir()] != ["root"]:
                raise Broken("something was written beside the folder")
        if any(path.is_symlink() for path in root.rglob("*")):
            raise Broken("a link was made")


def _report(data: bytes) -> None:
    try:
        reading = sarif.read(data, analyzer="a", root=Path("/snapshot"))
    except sarif.NotSarif:
        return
    if len(reading.findings) > sarif.MAX_FINDINGS or any(".." in Path(f.path).parts for f in reading.findings):
        raise Broken("findings beyond the limit, or out of the snapshot")


def _constitution(data: bytes) -> None:
    text = _text(data)
    readers.constitution(text)
    taken = {number for passage in passages.read(text) for number in range(passage.line, passage.end_line + 1)}
    written = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ").split("\n")
    lost = [number for number, line in enumerate(written, start=1) if line.strip() and number not in taken]
    # Characters that nobody sees are no words.
    if any(any(character.isalnum() for character in written[number - 1]) for number in lost):
        raise Broken(f"line {lost[0]} belongs to no passage")


def _citation(data: bytes) -> None:
    shown, _, quote = _text(data).partition("\0")
    there = lines.of(shown)
    checked = evidence.verify(Evidence("a", 1, 1, quote), {"a": there}.get)
    if checked.verified and not 1 <= checked.start_line <= checked.end_line <= len(there):
        raise Broken("a place that is not in the file was verified")


def _masked(data: bytes) -> None:
    text = "\n".join(lines.of(_text(data[1:])))
    path = _MASKED[data[0] % len(_MASKED)] if data else ""
    once = masking.mask_file(text, path)
    if once.count("\n") != text.count("\n") and masking.split_marks(once) != ["", ""]:
        raise Broken(f"{path} lost lines")
    if masking.mask_code(once, path) != once:
        raise Broken(f"{path} masked again is something else")
    masking.mask(text, ("hunter2hunter2",))


def _answer(data: bytes) -> None:
    readers.judge(_text(data))
    readers.judged(_text(data))


def _source(data: bytes) -> None:
    try:
        adapter.validate_json(data)
    except ValidationError:
        return


def _repository(data: bytes) -> None:
    """All that reads a file, by an ending that the first byte names."""
    ending = readers.ENDINGS[data[0] % len(readers.ENDINGS)] if data else "py"
    text = _text(data[1:])
    readers.index(text, ending)
    readers.static(text, ending)
    readers.searched(text)


_JSON = (b'{"', b'":', b"[", b"]", b"}", b"null", b"1e999", b"-0", b'"\\ud800"', b"true", b"9" * 400)
_SARIF = (
    b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","version":"1","rules":[{"id":"R1","properties":{"tags":'
    b'["security"],"security-severity":"9.1","precision":"high"}}]}},"results":[{"ruleId":"R1","level":"error","message":'
    b'{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"src/a.py"},"region":{"startLine":3,'
    b'"endLine":4,"endColumn":1}}}]}],"invocations":[{"toolExecutionNotifications":[{"level":"error","locations":'
    b'[{"physicalLocation":{"artifactLocation":{"uri":"file:///snapshot/b.py"}}}]}]}]}]}'
)
_RULES = (
    b"# Rules\n\n- Code MUST NOT call `eval()` in `src/**/x`, except in tests.\n- [high] No `print`; use `logging`.\n\n"
    b"| Rule | Where |\n|---|---|\n| No secrets | everywhere |\n\n1. Never:\n   - commit keys\n\n<ul><li>Use TLS</li></ul>\n"
    b"---\n[a]: b\n> **Rationale**: because.\n"
)
_CODE = b"\0import os\nfrom . import a\npassword = 'hunter2hunter2'\n# TODO\nprint(eval(x))\n"
_ANSWER = (
    b'```json\n{"opinions":[{"criterion":"k","evidence":[{"path":"a","start_line":1,"end_line":2,"quote":"1| x"}],"absent":'
    b'["y"],"rationale":"r","vote":"FAIL","score":2,"confidence":0.9}]}\n```\n'
)

TARGETS = {
    "archive": Target(_archive, tuple(repositories.archive(seed)[1][:20_000] for seed in (3, 5, 8)), (b"PK\x01\x02", b"ustar")),
    "sarif": Target(_report, (_SARIF,), (*_JSON, b'"runs"', b'"uri"', b"%2e%2e/", b"startLine")),
    "constitution": Target(
        _constitution,
        (_RULES,),
        (b"MUST NOT ", b"- ", b"\n\n", b"&#", b"9" * 50, b"<!--", b"-->", b"**", b"`", b"[", b"](", b"|", b"    ", b"> ", b"<li>"),
    ),
    "citation": Target(_citation, (b"a = 1\nb = 2\n\0 a = 1\r\nb = 2",), (b"\0", b"\r", b"\n", b"   ", b"\xe2\x80\xa8")),
    "masker": Target(
        _masked,
        (_CODE, b"\x01kind: Secret\ndata:\n  a: aHVudGVyMg==\n", b"\x02API_KEY=aB3xY9zQwErT1234567890\n", b"\x03https://u:p4ssw0rd@h/?token=x1y2z3"),
        (b"password=", b"token: ", b"-----BEGIN PRIVATE KEY-----", b"eyJ", b"://", b"@", b"'", b'"', b"sk-", "⟪masked 1⟫".encode(), b"<key>"),
    ),
    "answer": Target(_answer, (_ANSWER,), (*_JSON, b"```", b"masked ")),
    "source": Target(
        _source,
        (b'{"kind":"git","url":"https://a/b","ref":"v1"}', b'{"kind":"files","files":{"a.py":"x"}}', b'{"kind":"path","path":"/a"}'),
        (*_JSON, b"../", b"\\u0000", b"://", b"git@"),
    ),
    "repository": Target(
        _repository,
        (_CODE, b"\x01import x from './y'\nconsole.log(1)\n", b"\x03package a\nimport \"a/b\"\n", b"\x0c<a>&#101;val</a>"),
        (b"import ", b"from ", b"eval(", b"\\u0065", b"&#", b"9" * 50, b"# ", b"/*", b"'''", b"(", b"\r", b"\0", b"console.log("),
    ),
}  # fmt: skip
"""By name."""
