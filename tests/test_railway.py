"""`.railway/railway.ts`, evaluated by Railway's own library: what it sets is what the product reads."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from ui.settings import Settings as Pages
from worker.core.settings import Settings

ROOT = Path(__file__).parents[1]
RAILWAY = ROOT / ".railway"
NODE = ROOT / ".venv-node" / "bin" / "node"
EVALUATE = """
import program from "./railway.ts";
import { createRailwayContext, project } from "railway/iac";
process.stdout.write(JSON.stringify(program(createRailwayContext({ environment: process.argv[1] }), project)));
"""


@cache
def services(environment: str) -> dict[str, Any]:
    command = [str(NODE), "--input-type=module", "--eval", EVALUATE, environment]
    done = subprocess.run(command, cwd=RAILWAY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {resource["name"]: resource for resource in json.loads(done.stdout)["resources"]}


@cache
def known(settings: type[BaseSettings]) -> set[str]:
    names = {"RAILPACK_DEPLOY_APT_PACKAGES"}
    for field in settings.model_fields.values():
        alias = field.validation_alias or field.alias
        names |= set(map(str, alias.choices)) if hasattr(alias, "choices") else {str(alias)}
    return names


def test_it_is_typed() -> None:
    compiler = RAILWAY / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([NODE, compiler, "-p", "."], cwd=RAILWAY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_variables_are_the_product_s(environment: str) -> None:
    for name, service in services(environment).items():
        if service["type"] == "service":
            settings = Pages if name == "invariant-ui" else Settings
            assert set(service["variables"]) <= known(settings), name


def test_start_commands_are_roles() -> None:
    roles = (ROOT / "start.sh").read_text()
    for name, service in services("production").items():
        if service["type"] == "service":
            assert service["deploy"]["startCommand"].startswith("bash start.sh"), name
            role = service["deploy"]["startCommand"].removeprefix("bash start.sh").strip() or "api"
            assert f"\n{role})" in roles or f"\napi | {role})" in roles or f"\n{role} |" in roles


def test_worker_s_drain_fits_into_what_railway_waits() -> None:
    worker = services("production")["invariant-worker"]
    drain = float(worker["variables"]["CVA_DRAIN_SECONDS"]["value"])
    told = float(worker["variables"]["RAILWAY_DEPLOYMENT_DRAINING_SECONDS"]["value"])
    assert told == worker["deploy"]["drainingSeconds"] >= drain + 10


def test_environments_follow_their_branches() -> None:
    for environment, branch in (("production", "main"), ("staging", "staging")):
        assert services(environment)["invariant-ui"]["source"]["branch"] == branch


def test_ui_reaches_the_api_by_its_private_address() -> None:
    found = services("production")
    port = found["invariant-api"]["variables"]["PORT"]["value"]
    address = found["invariant-ui"]["variables"]["CVA_BACKEND_URL"]["value"]
    assert address == f"http://invariant-api.railway.internal:{port}"
