"""What a change costs, and that nothing old is said of new code."""

from pathlib import Path
from typing import Any

import httpx

from tests.support import provider
from tests.worker.verification.test_panel import citations, outcomes, verified

SUBJECTS = (
    "session", "password", "upload", "invoice", "callback", "schedule", "template", "currency",
    "webhook", "retention", "archive", "locale", "gateway", "metric", "snapshot", "permission",
)  # fmt: skip
TEXT = "# Rules\n\n" + "".join(f"- A {word} MUST NOT be handed to `{word}_forbidden(`.\n" for word in SUBJECTS)


def large(folder: Path) -> Path:
    """500 files, of several languages, each about one of the subjects."""
    for number in range(500):
        word = SUBJECTS[number % len(SUBJECTS)]
        ending, text = (
            ("js", "export function {w}{n}(value) {{\n  return {w}_store.get(value, {n});\n}}\n"),
            ("go", "package {w}\n\nfunc {w}{n}(value int) int {{\n\treturn {w}_store(value, {n})\n}}\n"),
            ("md", "# The {w}, part {n}\n\nHow a {w} is stored, and for how long it is kept.\n"),
            ("py", "def {w}_{n}(value):\n    return {w}_store.get(value, {n})\n"),
        )[number % 4]
        path = folder / f"part{number % 20}" / f"{word}_{number}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(w=word, n=number) * 8)
    return folder


async def test_one_file_of_five_hundred(client: httpx.AsyncClient, url: str, tmp_path: Path) -> None:
    folder = large(tmp_path / "repo")
    more: dict[str, Any] = {"text": TEXT, "CVA_CONTEXT_TOKENS": 3000}
    with provider.running(provider.judging(provider.honest)) as server:
        first = await verified(client, url, server, folder, **more)
        asked = len(server.requests)
        assert asked >= 13
        assert set(outcomes(first).values()) == {"PASS"}
        path = next(folder.rglob("upload_*.md"))
        path.write_text(path.read_text() + "\nOne more line, of no weight.\n")
        second = await verified(client, url, server, folder, **more)
        reused = second["run"]["calls"]["reused"]
        assert reused >= 0.8 * asked
        assert reused + second["run"]["calls"]["made"] == asked


async def test_a_file_that_breaks_a_rule_is_seen_wherever_it_is(
    client: httpx.AsyncClient, url: str, tmp_path: Path
) -> None:
    """Each of two dozen files in turn, in a repository of which a judge is shown a twentieth."""
    folder = large(tmp_path / "repo")
    more: dict[str, Any] = {"text": TEXT, "CVA_CONTEXT_TOKENS": 3000}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with provider.running(provider.judging(provider.honest)) as server:
        for number, path in enumerate(files[:: len(files) // 16]):
            word = SUBJECTS[number % len(SUBJECTS)]
            was = path.read_text()
            path.write_text(was + f"\n{word}_forbidden(value)\n")
            found = await verified(client, url, server, folder, **more)
            path.write_text(was)
            failed = [statement for statement, outcome in outcomes(found).items() if outcome == "FAIL"]
            assert failed == [f"A {word} MUST NOT be handed to `{word}_forbidden(`."], path
            assert {place["path"] for place in citations(found)} == {str(path.relative_to(folder))}
        assert set(outcomes(await verified(client, url, server, folder, **more)).values()) == {"PASS"}


async def test_every_file_in_turn_of_a_small_repository(client: httpx.AsyncClient, url: str) -> None:
    files = {f"m{n}.py": f"def f{n}(x):\n    return x + {n}\n" for n in range(8)}
    text = "- Code MUST NOT call `eval(`.\n"
    with provider.running(provider.judging(provider.honest)) as server:
        for name, content in files.items():
            changed = {**files, name: content.replace(" x +", " eval(x) +")}
            found = await verified(client, url, server, changed, text=text)
            assert (outcomes(found)["Code MUST NOT call `eval(`."], found["verdict"]) == ("FAIL", "VETO")
            assert {place["path"] for place in citations(found)} == {name}
        assert (await verified(client, url, server, files, text=text))["verdict"] == "PASS"
