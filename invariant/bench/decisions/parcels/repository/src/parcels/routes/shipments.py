"""Finding and creating shipments."""

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from parcels import services
from parcels.errors import UnknownShipment
from parcels.routes.labels import rate_limit

router = APIRouter(prefix="/shipments")


class NewShipment(BaseModel):
    carrier: str
    customer: str


class Created(BaseModel):
    code: str
    pin: str


class Shipment(BaseModel):
    code: str
    carrier: str
    state: str


@router.post("", response_model=Created, status_code=201, dependencies=[Depends(rate_limit)])
def create(body: NewShipment):
    return services.create(body.carrier, body.customer)


@router.get("/{code}", response_model=Shipment)
def show(code: str):
    try:
        return services.find(code)
    except UnknownShipment as error:
        raise HTTPException(404, detail=error.as_body()) from error


@router.get("/{code}/position")
def position(code: str):
    return services.position(code)


@router.post("/{code}/announce", status_code=204)
def announce(code: str) -> None:
    services.announce(code)
