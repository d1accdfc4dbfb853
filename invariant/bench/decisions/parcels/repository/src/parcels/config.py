"""Settings, read once from the environment."""

import os
from dataclasses import dataclass, field

# Not a secret: the scheme named in the WWW-Authenticate header.
TOKEN_TYPE = "bearer"


@dataclass(frozen=True)
class Settings:
    database_url: str = field(default_factory=lambda: os.environ["PARCELS_DATABASE_URL"])
    jwt_key: str = field(default_factory=lambda: os.environ["PARCELS_JWT_KEY"])
    carrier_url: str = field(
        default_factory=lambda: os.environ.get("PARCELS_CARRIER_URL", "https://carrier.example/v2")
    )
    origins: tuple[str, ...] = field(
        default_factory=lambda: tuple(os.environ.get("PARCELS_ORIGINS", "").split(","))
    )


def load() -> Settings:
    return Settings()
