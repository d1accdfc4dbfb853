"""What is asked and answered about remediations."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from api.http.pagination import Page, PageQuery
from api.http.values import is_a_number
from worker.core.untrusted.source import Text
from worker.core.vocabulary import (
    Category,
    FixAction,
    FixOrigin,
    FixStatus,
    IssueOrigin,
    RemediationStatus,
    Severity,
)

Reason = Annotated[Text, Field(min_length=1, max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RemediationRequest(_Body):
    run_id: uuid.UUID = Field(description="a run that was completed, and in which something failed")


class Decision(_Body):
    """Why somebody decided so."""

    reason: Reason


class RollbackRequest(_Body):
    """What to take back: some fixes, an iteration's, or without either all of them."""

    fixes: list[uuid.UUID] | None = Field(None, min_length=1, max_length=1000)
    iteration: Annotated[int, Field(ge=1, le=1000), BeforeValidator(is_a_number)] | None = None
    reason: Reason


class SwitchRequest(_Body):
    engaged: StrictBool = Field(description="true: every remediation ends at its next step")
    reason: Reason


class RemediationQuery(PageQuery):
    run_id: uuid.UUID | None = None
    status: RemediationStatus | None = None


class RemediationError(BaseModel):
    code: str | None
    message: str


class RemediationView(BaseModel):
    """`waiting` counts the fixes that somebody is to decide; `fixes` all of them by their status."""

    id: uuid.UUID
    run_id: uuid.UUID
    status: RemediationStatus
    iteration: int
    verification_run_id: uuid.UUID | None
    fixes: dict[FixStatus, int]
    waiting: int
    cost_usd: Decimal
    error: RemediationError | None
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RemediationList(Page[RemediationView]):
    """Newest first."""


class PlaceView(BaseModel):
    path: str
    start_line: int
    end_line: int
    quote: str
    rule: str | None


class IssueView(BaseModel):
    id: uuid.UUID
    iteration: int
    root_cause_id: uuid.UUID | None
    is_primary: bool
    origin: IssueOrigin
    key: str
    category: Category
    severity: Severity
    message: str
    fixable: bool
    places: list[PlaceView]


class RootCauseView(BaseModel):
    id: uuid.UUID
    summary: str
    rationale: str
    confidence: float


class IssueList(BaseModel):
    """In the order of fixing, with the root causes that they belong to."""

    items: list[IssueView]
    root_causes: list[RootCauseView]
    next_cursor: None = None


class FixView(BaseModel):
    """`needs` is what the policy asks for, for `reasons`; `outcome` says why the fix is what its status says."""

    id: uuid.UUID
    remediation_id: uuid.UUID
    root_cause_id: uuid.UUID | None
    iteration: int
    position: int
    origin: FixOrigin
    category: Category
    needs: FixAction
    status: FixStatus
    confidence: float
    is_breaking: bool
    summary: str
    reasons: list[str]
    outcome: str | None
    files_changed: int
    lines_changed: int
    proof: dict[str, Any]
    decided_by: str | None
    decided_at: datetime | None
    applied_at: datetime | None
    created_at: datetime


class FixList(BaseModel):
    """In the order in which they are applied."""

    items: list[FixView]
    next_cursor: None = None


class AuditView(BaseModel):
    id: int
    fix_id: uuid.UUID | None
    actor: str
    action: str
    data: dict[str, Any]
    created_at: datetime


class AuditList(BaseModel):
    """Oldest first."""

    items: list[AuditView]
    next_cursor: None = None


class SwitchView(BaseModel):
    """`variable`: whether the environment stops everything, whatever is set here."""

    engaged: bool
    variable: bool
    reason: str | None
    changed_by: str | None
    changed_at: datetime | None


class PatternView(BaseModel):
    id: uuid.UUID
    rule: str
    search: list[str]
    replace: str
    imports: list[str]
    applied: int
    kept: int
    reverted: int
    kept_weight: float
    reverted_weight: float
    created_at: datetime


class PatternList(Page[PatternView]):
    """Newest first."""


class StatsView(BaseModel):
    """Over what one may see. `fixes`: by origin, then by status; `by_category`: kept and taken back."""

    remediations: dict[RemediationStatus, int]
    fixes: dict[FixOrigin, dict[FixStatus, int]]
    by_category: dict[Category, dict[FixStatus, int]]
    cost_usd: Decimal
