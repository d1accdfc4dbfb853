"""Roll call: importing this module registers every task body with the queue."""

from worker.monitoring import tasks as monitoring
from worker.verification import tasks as verification

__all__ = ["monitoring", "verification"]
