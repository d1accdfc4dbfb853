"""Send callbacks. At least once: the receiver tells repeats by `webhook-id`, or by the run's id.
With CVA_CALLBACK_SECRET they are signed."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import func, update

from worker.core import models
from worker.core.monitoring import callbacks
from worker.core.telemetry import logs
from worker.core.untrusted import urls
from worker.core.version import VERSION
from worker.core.vocabulary import CallbackFormat, CallbackStatus, RunStatus
from worker.monitoring import signing, slack
from worker.runtime.resources import Resources

log = logs.get(__name__)

_SECONDS = 15.0


class CallbackFailed(Exception):
    """The receiver could not be reached or did not answer with success; worth another attempt.

    `answered`: the status."""

    def __init__(self, reason: str, answered: int | None = None) -> None:
        super().__init__(reason)
        self.answered = answered


@dataclass(frozen=True)
class _Message:
    id: uuid.UUID
    event: str
    run_id: uuid.UUID | None
    url: str
    format: CallbackFormat
    body: Mapping[str, Any]

    @property
    def webhook_id(self) -> str:
        """The same for each attempt, and what a run's end has always been called."""
        return f"run_{self.run_id}" if self.event == callbacks.RUN_ENDED else f"msg_{self.id}"

    @property
    def content(self) -> bytes:
        body = self.body if self.format is CallbackFormat.JSON else slack.message(self.event, self.body)
        return json.dumps(body).encode()


async def owe(run_id: uuid.UUID, resources: Resources) -> int:
    """Owe everybody who is to be told the run's end; returns how many had not been told of it."""
    async with resources.db.transaction() as session:
        run = await session.get(models.Run, run_id)
        if run is None or not RunStatus(run.status).is_final:
            return 0
        return await callbacks.run_ended(session, run)


async def send(callback_id: uuid.UUID, resources: Resources) -> str:
    """One attempt at one message, written down in its row; returns how it went. Raises CallbackFailed."""
    async with resources.db.transaction() as session:
        row = await session.get(models.Callback, callback_id)
        if row is None or row.status == CallbackStatus.DELIVERED:
            return "nothing to do"
        message = _Message(row.id, row.event, row.run_id, row.url, CallbackFormat(row.format), row.body)
    try:
        answered = await _post(message, resources)
    except urls.AddressRejected as error:
        log.warning("callback refused", callback_id=str(callback_id), reason=str(error))
        await _note(resources, callback_id, CallbackStatus.REFUSED, None, str(error))
        return f"refused: {error}"
    except CallbackFailed as error:
        await _note(resources, callback_id, CallbackStatus.WAITING, error.answered, str(error))
        raise
    await _note(resources, callback_id, CallbackStatus.DELIVERED, answered, None)
    return CallbackStatus.DELIVERED.value


async def give_up(callback_id: uuid.UUID, resources: Resources) -> None:
    """It was tried for as long as it is."""
    async with resources.db.transaction() as session:
        await session.execute(
            update(models.Callback)
            .where(models.Callback.id == callback_id, models.Callback.status == CallbackStatus.WAITING.value)
            .values(status=CallbackStatus.FAILED.value, ended_at=func.clock_timestamp())
        )


async def _note(
    resources: Resources, callback_id: uuid.UUID, status: CallbackStatus, answered: int | None, error: str | None
) -> None:
    ended = None if status is CallbackStatus.WAITING else func.clock_timestamp()
    async with resources.db.transaction() as session:
        await session.execute(
            update(models.Callback)
            .where(models.Callback.id == callback_id)
            .values(
                status=status.value,
                attempts=models.Callback.attempts + 1,
                answered=answered,
                error=error,
                ended_at=ended,
            )
        )


async def _post(message: _Message, resources: Resources) -> int:
    """The status of an answer of success. Raises AddressRejected, CallbackFailed."""
    try:
        target = await urls.resolve(message.url, production=resources.settings.deployed)
    except OSError as error:
        raise CallbackFailed("the host cannot be resolved") from error
    body = message.content
    headers = {
        "Host": target.header,
        "Content-Type": "application/json",
        "User-Agent": f"Invariant/{VERSION}",
        "X-Invariant-Event": message.event,
    }
    if message.run_id is not None:
        headers["X-Invariant-Run"] = str(message.run_id)
    secret = resources.settings.callback_secret
    if secret is not None:
        headers |= signing.headers(
            secret.get_secret_value(), message=message.webhook_id, sent_at=int(time.time()), body=body
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
        raise CallbackFailed(f"answered {status}", status)
    return status
