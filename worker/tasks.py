"""Roll call: importing this module registers every task body with the queue."""

from worker.monitoring import tasks as monitoring
from worker.remediation import tasks as remediation
from worker.verification import tasks as verification

__all__ = ["monitoring", "remediation", "verification"]
