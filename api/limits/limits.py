"""The limits of one api process, together."""

from dataclasses import dataclass

from api.limits.bodies import Bodies
from api.limits.requests import Requests
from api.limits.streams import Streams
from worker.core.db.database import Database
from worker.core.settings import Settings


@dataclass(frozen=True)
class Limits:
    requests: Requests
    streams: Streams
    bodies: Bodies


def limits(db: Database, settings: Settings) -> Limits:
    """As the settings say."""
    return Limits(
        requests=Requests(db, of_user=settings.user_requests, of_token=settings.token_requests),
        streams=Streams(db, most=settings.user_streams),
        bodies=Bodies(),
    )
