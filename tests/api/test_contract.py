"""The served OpenAPI document, and schemathesis against what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
from jsonschema import Draft202012Validator

from tests.support import processes
from tests.support.processes import TOKEN

ROOT = Path(__file__).parents[2]


async def test_the_document_is_whole(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert "$defs" not in json.dumps(schema), name
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)) > 25
    for operation in operations:
        assert operation["summary"]
        assert "503" in operation["responses"]


def test_schemathesis_finds_nothing(url: str, tmp_path: Path) -> None:
    """Real HTTP, every operation of the document, with a worker that brings the runs to their ends."""
    with processes.api(url, tmp_path) as (client, api), processes.worker(url, tmp_path):
        done = subprocess.run(
            [
                Path(sys.executable).parent / "schemathesis",
                "run",
                f"{client.base_url}/openapi.json",
                "--header", f"Authorization: Bearer {TOKEN}",
                "--max-examples", "20",
                "--seed", "20260101",
                "--request-timeout", "20",
                "--generation-database", "none",
                "--no-color",
            ],
            capture_output=True,
            text=True,
            timeout=170,
            cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-16000:] + done.stderr[-2000:]
        assert "request failed" not in api.log
