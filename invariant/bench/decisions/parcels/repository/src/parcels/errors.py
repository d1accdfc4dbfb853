"""What can go wrong, in the words of the business."""


class ParcelError(Exception):
    code = "parcel_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def as_body(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


class UnknownShipment(ParcelError):
    code = "unknown_shipment"


class UnknownCarrier(ParcelError):
    code = "unknown_carrier"


class CarrierDown(ParcelError):
    code = "carrier_down"
