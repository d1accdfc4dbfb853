"""Who loads whom, asked of a fresh interpreter."""

import json
import subprocess
import sys

import pytest


def loaded(module: str) -> set[str]:
    code = f"import json, sys; import {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["api.app", "api.__main__"])
def test_the_api_loads_nothing_of_the_worker_but_its_core(module: str) -> None:
    found = loaded(module)
    rooms = {name for name in found if name.startswith("worker.") and not name.startswith("worker.core")}
    assert rooms == set()
    assert "worker.core.queue.jobs" in found
    assert not {name for name in found if name.split(".")[0] in ("litellm", "openai", "bandit", "invariant")}


def test_importing_the_worker_package_costs_nothing() -> None:
    assert {name for name in loaded("worker") if name.startswith("worker")} == {"worker"}


def test_a_producer_loads_no_task() -> None:
    assert "worker.verification" not in loaded("worker.core.queue.app")
