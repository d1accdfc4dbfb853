"""Tell a run's `callback_url` how the run ended. At least once: the receiver tells repeats by the run's id.
With CVA_CALLBACK_SECRET they are signed."""

import asyncio
import json
import time
import uuid
from typing import Any

import httpx

from worker.core import models
from worker.core.telemetry import logs
from worker.core.untrusted import urls
from worker.core.version import VERSION
from worker.core.vocabulary import RunStatus
from worker.monitoring import signing
from worker.runtime.resources import Resources

log = logs.get(__name__)

_SECONDS = 15.0


class CallbackFailed(Exception):
    """The receiver could not be reached or did not answer with success; worth another attempt."""


async def deliver(run_id: uuid.UUID, resources: Resources) -> str:
    """POST the run's end as JSON; returns how that went, for the log. Raises CallbackFailed."""
    async with resources.db.transaction() as session:
        run = await session.get(models.Run, run_id)
    if run is None or run.callback_url is None or not RunStatus(run.status).is_final:
        return "nothing to do"
    try:
        target = await urls.resolve(run.callback_url, production=resources.settings.deployed)
    except urls.AddressRejected as error:
        log.warning("callback refused", run_id=str(run_id), reason=str(error))
        return f"refused: {error}"
    except OSError as error:
        raise CallbackFailed("the host cannot be resolved") from error
    body = json.dumps(_body(run)).encode()
    headers = {
        "Host": target.header,
        "Content-Type": "application/json",
        "User-Agent": f"Invariant/{VERSION}",
        "X-Invariant-Run": str(run_id),
    }
    secret = resources.settings.callback_secret
    if secret is not None:
        # A run ends once: its id is the message's, however often it is sent.
        headers |= signing.headers(
            secret.get_secret_value(), message=f"run_{run_id}", sent_at=int(time.time()), body=body
        )
    try:
        # The status is the answer; what else the receiver says is not read.
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=_SECONDS) as client,
            client.stream(
                "POST", target.url, content=body, headers=headers, extensions={"sni_hostname": target.host}
            ) as response,
        ):
            status = response.status_code
    except (httpx.HTTPError, TimeoutError) as error:
        raise CallbackFailed(f"no answer ({type(error).__name__})") from error
    if not 200 <= status < 300:
        raise CallbackFailed(f"answered {status}")
    return "delivered"


def _body(run: models.Run) -> dict[str, Any]:
    return {
        "run_id": str(run.id),
        "status": run.status,
        "verdict": run.verdict,
        "score": run.score,
        "repository": run.repo_full_name,
        "branch": run.branch,
        "commit": run.commit_sha,
        "labels": run.labels,
        "error_code": run.error_code,
        "error_message": run.error_message,
        "finished_at": None if run.finished_at is None else run.finished_at.isoformat(),
    }
