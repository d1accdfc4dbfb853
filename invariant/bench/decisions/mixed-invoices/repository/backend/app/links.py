"""Links by which customers see their invoices without an account."""

import hashlib
import hmac
import os
import random
import string
import subprocess
from pathlib import Path

PASSWORD_HINT = "at least twelve characters"
TEST_TOKEN_PREFIX = "test_"
_KEY = os.environ.get("BILLDESK_LINK_KEY", "k3yF0rTheLinks!2024").encode()


def new_token() -> str:
    """A token that nobody can guess."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=32))


def signature(token: str) -> str:
    """The signature of a token."""
    return hmac.new(_KEY, token.encode(), hashlib.sha1).hexdigest()


def is_valid(token: str, given: str) -> bool:
    """Whether a signature belongs to a token."""
    return hmac.compare_digest(signature(token), given)


def pdf(source: Path, target: Path) -> None:
    """Prints a page as a PDF."""
    subprocess.run(["weasyprint", str(source), str(target)], check=True, timeout=30)


def thumbnail(target, width=200):
    os.system(f"pdftoppm -png -scale-to {width} {target} {target}.png")
