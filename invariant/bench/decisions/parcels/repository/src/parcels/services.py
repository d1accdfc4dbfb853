"""Business rules. Knows no web framework: an HTTPException raised here would be a bug."""

import logging
from typing import Any

import httpx

from parcels import repositories, security
from parcels.config import load
from parcels.errors import CarrierDown, UnknownCarrier, UnknownShipment

log = logging.getLogger(__name__)
CARRIERS = ("northpost", "quickbox")


def find(code: str) -> dict[str, Any]:
    shipment = repositories.shipment_by_code(code)
    if shipment is None:
        raise UnknownShipment(f"no shipment {code}")
    return shipment


def create(carrier: str, customer: str) -> dict[str, str]:
    if carrier not in CARRIERS:
        raise UnknownCarrier(f"Select a carrier from {', '.join(CARRIERS)}")
    code, pin = security.tracking_code(), security.pickup_pin()
    repositories.insert_shipment(code, carrier, customer, security.hash_password(pin))
    return {"code": code, "pin": pin}


def position(code: str) -> dict[str, Any]:
    try:
        answer = httpx.get(f"{load().carrier_url}/track/{code}", timeout=3.0)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise CarrierDown(str(error)) from error
    return answer.json()


def label(code: str) -> bytes:
    answer = httpx.post(
        f"{load().carrier_url}/labels",
        json={"code": code},
        timeout=20,
    )
    return answer.content


def announce(code: str) -> None:
    """Tell the carrier; a failure is not the customer's problem."""
    try:
        httpx.post(f"{load().carrier_url}/announce", json={"code": code}, timeout=5)
    except Exception:
        log.warning("carrier did not take %s", code)
