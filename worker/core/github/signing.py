"""Signatures of GitHub's deliveries: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries."""

import hmac

HEADER = "X-Hub-Signature-256"


def signature(secret: str, body: bytes) -> str:
    """What GitHub sends in the header with `body`."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def is_signed(secret: str, body: bytes, given: str | None) -> bool:
    """Whether `given` is the body's signature; compared in constant time."""
    return given is not None and hmac.compare_digest(signature(secret, body).encode(), given.encode())
