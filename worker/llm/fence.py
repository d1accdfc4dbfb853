"""The nonce of the fence around a stranger's text: nobody who wrote the text can know it, and it is the same each time.

Made anew for every call, it would make every prompt's prefix another, and no provider's cache would ever hit.
"""

import hashlib
import hmac
import re  # noqa: TID251  linear: a word of our own
import secrets

from sqlalchemy import text

from worker.core.db.database import Database

_NAME = "fence"
_MADE = text("INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING")
_READ = text("SELECT value FROM installation WHERE name = :name")


async def secret(db: Database) -> str:
    """The installation's secret, made by whoever asks first."""
    async with db.single_statement() as connection:
        value = (await connection.execute(_READ, {"name": _NAME})).scalar()
    if value is None:
        async with db.single_statement() as connection:
            await connection.execute(_MADE, {"name": _NAME, "value": secrets.token_hex(32)})
        async with db.single_statement() as connection:
            value = (await connection.execute(_READ, {"name": _NAME})).scalar_one()
    return str(value)


def put(nonce: str, content: str, *, mark: str) -> str:
    """`content` with the nonce where the `mark` stands, and nowhere else.

    A judge has seen the nonce, and its words are shown to the others, inside of the same fence.
    """
    before = None
    # What is left when one is taken out may be another.
    while content != before:
        before, content = content, re.sub(nonce, "", content, flags=re.IGNORECASE)
    return content.replace(mark, nonce)


def nonce(secret: str, fenced: str) -> str:
    """Sixteen hexadecimal digits for what is `fenced`: a snapshot's digest, for instance."""
    return hmac.new(secret.encode(), fenced.encode(), hashlib.sha256).hexdigest()[:16]
