"""Signatures of callbacks, as Standard Webhooks has them (standardwebhooks.com): HMAC-SHA256 of id, time and body."""

import base64
import hmac

_PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key that `whsec_…` stands for. Raises ValueError."""
    if not secret.startswith(_PREFIX):
        raise ValueError(f"it must begin with {_PREFIX}")
    key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    if not 24 <= len(key) <= 64:
        raise ValueError("it must stand for 24 to 64 bytes")
    return key


def headers(secrets: str, *, message: str, sent_at: int, body: bytes) -> dict[str, str]:
    """What goes with `body`. `message` is the same for each attempt; `sent_at` in seconds since 1970.

    While a secret changes there are two, with a comma between, and a signature under each: receivers that know either
    find theirs.
    """
    signed = f"{message}.{sent_at}.".encode() + body
    signatures = (
        base64.b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode() for secret in secrets.split(",")
    )
    return {
        "webhook-id": message,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
