"""What forges tell us."""

import json
import re  # noqa: TID251  linear: from the beginning, one run of one class
from typing import Annotated

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.auth import NOBODY
from api.http import errors
from api.http.body import whole_body
from api.http.routing import Answer, Call, Operations, json_response
from worker.core.github import deliveries, payloads, signing
from worker.core.github.deliveries import Delivery

operations = Operations("monitoring")

_ID = re.compile(r"^[A-Za-z0-9-]{1,128}$")
_EVENT = re.compile(r"^[a-z0-9_]{1,64}$")
_SECONDS = 10.0
_HEADERS = {
    signing.HEADER: "the HMAC-SHA256 of the body under CVA_GITHUB_WEBHOOK_SECRET",
    "X-GitHub-Event": "the event's name",
    "X-GitHub-Delivery": "the delivery's id; the same one is taken once",
}


class DeliveryAnswer(BaseModel):
    """`taken`: something follows from it. Otherwise `reason` says why not."""

    delivery_id: Annotated[str, Field(max_length=128)]
    taken: bool
    reason: str | None = None


@operations.add(
    "POST",
    "/api/webhooks/github",
    scope=None,
    answers={202: Answer(DeliveryAnswer), 200: Answer(DeliveryAnswer, description="It was taken before")},
    problems=(
        errors.MalformedRequest,
        errors.Unauthenticated,
        errors.NotFound,
        errors.RequestTimeout,
        errors.BodyTooLarge,
        errors.UnsupportedMediaType,
        errors.InvalidRequest,
        errors.TooManyRequests,
    ),
    takes=("application/json",),
    headers=_HEADERS,
)
async def take_delivery(call: Call) -> Response:
    """Tell what happened at GitHub

    A delivery is stored and answered; what follows from it is done afterwards.
    """
    secret = call.state.settings.github_webhook_secret
    if secret is None:
        raise errors.NotFound("No webhooks are taken here: CVA_GITHUB_WEBHOOK_SECRET is not set.")
    headers = call.request.headers
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise errors.UnsupportedMediaType("Choose the content type application/json for the webhook.")
    async with whole_body(call.request, NOBODY, call.state, seconds=_SECONDS) as content:
        if not signing.is_signed(secret.get_secret_value(), content, headers.get(signing.HEADER)):
            raise errors.Unauthenticated(
                f"{signing.HEADER} does not fit the body: the webhook's secret must be CVA_GITHUB_WEBHOOK_SECRET."
            )
        delivery = _read(headers.get("x-github-delivery", ""), headers.get("x-github-event", ""), content)
    async with call.state.db.transaction() as session:
        new = await deliveries.store(session, delivery)
    if not new:
        found = DeliveryAnswer(delivery_id=delivery.id, taken=False, reason="it was taken before")
        return json_response(found, 200)
    return json_response(
        DeliveryAnswer(delivery_id=delivery.id, taken=delivery.ignored is None, reason=delivery.ignored), 202
    )


def _read(delivery_id: str, event: str, content: bytes) -> Delivery:
    """Raises MalformedRequest, InvalidRequest."""
    if not _ID.match(delivery_id) or not _EVENT.match(event):
        raise errors.MalformedRequest("X-GitHub-Delivery and X-GitHub-Event are needed.")
    try:
        payload = json.loads(content)
        facts = payloads.read(event, payload)
    except payloads.Malformed as error:
        raise errors.InvalidRequest(f"body/{errors.printable(str(error))}") from None
    except (ValueError, RecursionError):
        raise errors.MalformedRequest("The body is not JSON.") from None
    if isinstance(facts, payloads.Ignored):
        return Delivery(delivery_id, event, None, facts.reason)
    return Delivery(delivery_id, event, facts)
