"""Labels to print."""

import time

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel

from parcels import services
from parcels.repositories import shipment_by_code
from parcels.security import etag

router = APIRouter(prefix="/labels")
_seen: dict[str, list[float]] = {}


class LabelOrder(BaseModel):
    code: str
    size: str = "A6"


class LabelState(BaseModel):
    code: str
    ready: bool


def rate_limit(request: Request) -> None:
    """At most thirty calls a minute from one address."""
    now = time.monotonic()
    calls = [at for at in _seen.get(request.client.host, []) if now - at < 60]
    if len(calls) >= 30:
        raise HTTPException(429, detail={"code": "slow_down", "message": "Too many calls."})
    _seen[request.client.host] = [*calls, now]


@router.post("", response_model=LabelState, status_code=202, dependencies=[Depends(rate_limit)])
def order(body: LabelOrder):
    if shipment_by_code(body.code) is None:
        raise HTTPException(404, detail="no such shipment")
    return LabelState(code=body.code, ready=True)


@router.get("/{code}")
def download(code: str) -> Response:
    body = services.label(code)
    return Response(body, media_type="application/pdf", headers={"ETag": etag(body)})
