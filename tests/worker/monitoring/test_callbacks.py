"""Callbacks, against a real receiver."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.app import resources, settings
from tests.worker.core.runs.test_lifecycle import new_run
from worker.core.models import RepoConnection
from worker.core.runs import lifecycle
from worker.monitoring import callbacks, signing, slack, tasks
from worker.runtime import work_items
from worker.runtime.resources import Resources


class Receiver:
    """Takes one request after the other and answers as told."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        self.endless = False
        self.bodies: list[dict[str, object]] = []
        self.requests: list[tuple[bytes, bytes]] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.requests.append((head, body))
        self.bodies.append(json.loads(body))
        writer.write(self.answer)
        try:
            while self.endless:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield found


async def rows(found: Resources) -> list[Any]:
    async with found.db.transaction() as session:
        return list(await session.execute(text("SELECT * FROM callbacks ORDER BY created_at")))


async def delivered(found: Resources, run_id: uuid.UUID) -> str:
    """How the one message of a run's end went."""
    await callbacks.owe(run_id, found)
    (row,) = await rows(found)
    return await callbacks.send(row.id, found)


async def test_a_cancelled_run_is_told_of(url: str, receiver: Receiver) -> None:
    async with resources(url) as found:
        run_id = await new_run(found, callback_url=receiver.url)
        async with found.db.transaction() as session:
            await lifecycle.request_cancel(session, run_id)
            queued = await session.scalar(
                text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'monitoring.deliver_callback'")
            )
        assert queued == 1
        assert await delivered(found, run_id) == "delivered"
        (body,) = receiver.bodies
        assert (body["run_id"], body["status"], body["verdict"]) == (str(run_id), "cancelled", None)


async def test_what_the_receiver_says_is_not_read(url: str, receiver: Receiver) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\n\r\n"
    receiver.endless = True
    async with resources(url) as found:
        run_id = await new_run(found, callback_url=receiver.url)
        async with found.db.transaction() as session:
            await lifecycle.request_cancel(session, run_id)
        assert await asyncio.wait_for(delivered(found, run_id), timeout=10) == "delivered"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 500 No\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b""])
async def test_anything_but_success_is_tried_again(url: str, receiver: Receiver, answer: bytes) -> None:
    receiver.answer = answer
    async with resources(url) as found:
        run_id = await new_run(found, callback_url=receiver.url)
        async with found.db.transaction() as session:
            await lifecycle.request_cancel(session, run_id)
        with pytest.raises(callbacks.CallbackFailed):
            await delivered(found, run_id)
        (row,) = await rows(found)
        assert (row.status, row.attempts) == ("waiting", 1) and row.error


SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


async def test_a_callback_is_signed_as_standard_webhooks_say(url: str, receiver: Receiver) -> None:
    async with resources(url, CVA_CALLBACK_SECRET=SECRET) as found:
        run_id = await new_run(found, callback_url=receiver.url)
        async with found.db.transaction() as session:
            await lifecycle.request_cancel(session, run_id)
        assert await delivered(found, run_id) == "delivered"
        async with found.db.transaction() as session:
            await session.execute(text("UPDATE callbacks SET status = 'failed'"))
        assert await delivered(found, run_id) == "delivered"
    ids = set()
    for head, body in receiver.requests:
        headers = dict(line.lower().split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        original = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        signature = next(value for name, value in original.items() if name.lower() == "webhook-signature")
        ids.add(headers["webhook-id"])
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()
        assert signature == "v1," + base64.b64encode(digest).decode()
    assert ids == {f"run_{run_id}"}


def test_the_published_example_is_signed_alike() -> None:
    """The test vector of the specification's own libraries."""
    given = signing.headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message="msg_p5jXN8AQM9LWM0D4loKWxJek",
        sent_at=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert given["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "secret", "whsec_", "whsec_short", "whsec_" + "!" * 40, "whsec_" + "A" * 200])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    if secret:
        with pytest.raises(ValueError, match="CVA_CALLBACK_SECRET"):
            settings(CVA_CALLBACK_SECRET=secret)


def test_while_a_secret_changes_both_sign() -> None:
    new, old = SECRET, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    both = signing.headers(f"{new},{old}", message="m", sent_at=1, body=b"{}")["webhook-signature"].split(" ")
    alone = [signing.headers(one, message="m", sent_at=1, body=b"{}")["webhook-signature"] for one in (new, old)]
    assert both == alone
    assert settings(CVA_CALLBACK_SECRET=f"{new},{old}").callback_secret is not None
    assert {new, old} <= set(settings(CVA_CALLBACK_SECRET=f"{new},{old}").secrets())


async def test_everybody_whom_the_repository_names_is_told_in_their_form(url: str, receiver: Receiver) -> None:
    async with resources(url) as found:
        run_id = await new_run(found, callback_url=receiver.url)
        wishes = {"notify": [{"url": f"{receiver.url}/slack", "format": "slack"}, {"url": f"{receiver.url}/json"}]}
        async with found.db.transaction() as session:
            row = RepoConnection(full_name="acme/<shop>", clone_url="https://x/y", settings=wishes)
            session.add(row)
            await session.flush()
            values = {"repo": row.id, "run": run_id}
            await session.execute(
                text("UPDATE runs SET repo_id = :repo, repo_full_name = 'acme/<shop>' WHERE id = :run"), values
            )
            await lifecycle.request_cancel(session, run_id)
        for _ in range(2):
            await callbacks.owe(run_id, found)
        for row in await rows(found):
            await callbacks.send(row.id, found)
        assert len(receiver.bodies) == 3
        (said,) = [body for body in receiver.bodies if "text" in body]
        assert said == {"text": "*CANCELLED* acme/&lt;shop&gt;"}


async def test_who_is_away_is_told_for_a_day_and_then_no_more(url: str, receiver: Receiver) -> None:
    """The waits are those of the last attempts; the clock is the row's."""
    receiver.answer = b"HTTP/1.1 503 No\r\n\r\n"
    async with resources(url) as found:
        run_id = await new_run(found, callback_url=receiver.url)
        async with found.db.transaction() as session:
            await lifecycle.request_cancel(session, run_id)
        await callbacks.owe(run_id, found)
        (row,) = await rows(found)
        context = SimpleNamespace(additional_context={"resources": found})
        waited = 0.0
        with pytest.raises(work_items.GaveUp):
            for _ in range(100):
                await tasks.send_callback.func(context, str(row.id))
                async with found.db.transaction() as session:
                    due = "SELECT extract(epoch FROM not_before - clock_timestamp()) FROM work_items WHERE subject = :s"
                    waited += float(await session.scalar(text(due), {"s": str(row.id)}) or 0)
                    now = "UPDATE work_items SET not_before = NULL WHERE subject = :s"
                    await session.execute(text(now), {"s": str(row.id)})
        (row,) = await rows(found)
        assert (row.status, row.attempts, row.answered) == ("failed", 27, 503)
        # Full jitter: half of what is the most.
        assert 12 * 3600 < waited < 48 * 3600


def test_slack_is_shown_no_markup_of_a_repositorys() -> None:
    body = {"repository": "<!channel>", "branch": "a`b", "verdict": "FAIL", "score": 3.0, "error_message": None}
    assert slack.message("run.ended", body) == {"text": "❌ *FAIL* &lt;!channel&gt; aʼb (3.0 of 10)"}
