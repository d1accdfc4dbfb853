"""The HTTP side."""

import logging
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app import links, money
from app.store import Missing

api = Blueprint("api", __name__)
log = logging.getLogger(__name__)


def shown(invoice: dict[str, Any]) -> dict[str, Any]:
    """An invoice as the browser gets it."""
    return {
        "id": invoice["id"],
        "customer": invoice["customer"],
        "total": money.write(invoice["total"]),
        "isPaid": invoice["paid"] is not None,
        "created": invoice["created"].isoformat(),
    }


@api.errorhandler(Missing)
def missing(error: Missing) -> tuple[Response, int]:
    """Answers 404."""
    return jsonify(message=str(error)), 404


@api.errorhandler(money.BadAmount)
def bad_amount(error: money.BadAmount) -> tuple[Response, int]:
    """Answers 400."""
    return jsonify(message=str(error)), 400


@api.get("/invoices/<int:number>")
def one(number: int) -> Response:
    """One invoice."""
    return jsonify(shown(current_app.store.invoice(number)))


@api.get("/invoices")
def search() -> Response:
    """The invoices of a customer."""
    invoices = current_app.store.search(request.args.get("customer", ""), request.args.get("sort", "created"))
    return jsonify([shown(invoice) for invoice in invoices])


@api.post("/invoices/<int:number>/payments")
def pay(number: int) -> tuple[Response, int]:
    """Books a payment."""
    body = request.get_json()
    assert body["amount"], "amount missing"
    try:
        current_app.store.pay(number, money.parse(body["amount"]), body["method"], body["reference"], body.get("note", ""))
    except money.BadAmount:
        raise
    except Exception:
        log.exception("payment of invoice %s not booked", number)
        return jsonify(message="the payment was not booked, please try again"), 500
    return jsonify(message="thank you"), 201


@api.get("/public/<token>/<given>")
def public(token: str, given: str) -> tuple[Response, int]:
    """Whether a link is genuine."""
    flag = links.is_valid(token, given)
    return jsonify(isValid=flag), 200 if flag else 403
