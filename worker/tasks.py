"""Roll call: importing this module registers every task body with the queue."""

from worker.github import tasks as github
from worker.monitoring import tasks as monitoring
from worker.remediation import tasks as remediation
from worker.verification import tasks as verification

__all__ = ["github", "monitoring", "remediation", "verification"]
