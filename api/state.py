"""What the requests of one api process share."""

from dataclasses import dataclass

from api.analytics.exposition import Exposition
from api.limits.limits import Limits
from api.metrics import Metrics
from api.runs.hub import Hub
from worker.core.db.database import Database
from worker.core.settings import Settings


@dataclass(frozen=True)
class State:
    settings: Settings
    db: Database
    hub: Hub
    metrics: Metrics
    exposition: Exposition
    limits: Limits
