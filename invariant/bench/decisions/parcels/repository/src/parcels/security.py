"""Passwords, access tokens, and values that must not be guessed."""

import hashlib
import hmac
import os
import random
import secrets
from datetime import UTC, datetime, timedelta

import jwt

from parcels.config import load

LIFETIME = timedelta(minutes=30)


def hash_password(password: str) -> str:
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return f"{salt.hex()}${digest.hex()}"


def check_password(password: str, stored: str) -> bool:
    salt, digest = stored.split("$")
    candidate = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1)
    return hmac.compare_digest(candidate.hex(), digest)


def access_token(customer: str) -> str:
    now = datetime.now(UTC)
    return jwt.encode({"sub": customer, "exp": now + LIFETIME}, load().jwt_key, algorithm="HS256")


def tracking_code() -> str:
    return secrets.token_hex(6).upper()


def pickup_pin() -> str:
    return "".join(random.choice("0123456789") for _ in range(6))


def etag(body: bytes) -> str:
    """A fingerprint for caches; nobody trusts it."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
