"""Every error the api answers with, as RFC 9457 problem details: one `type` per kind of error.

Problem
├── MalformedRequest        400  the body is not JSON, or a header cannot be read
├── Unauthenticated         401  no token, or one that is not valid
├── Forbidden               403  the token's scopes do not reach that far
├── NotFound                404  there is no such thing, or no such path
├── MethodNotAllowed        405  the path has other methods
├── RequestTimeout          408  the body did not arrive in time
├── Conflict                409  the thing is not in a state for that
│   └── InFlight            409  a request with the same Idempotency-Key is being worked on
├── BodyTooLarge            413  the body is larger than this path takes
├── UnsupportedMediaType    415  the body is of another kind than this path takes
├── InvalidRequest          422  the request is understood, and not acceptable; `errors` says where
│   ├── ArchiveNotAccepted  422  the upload is not an archive that is taken
│   └── KeyReused           422  the Idempotency-Key was used with another body
├── TooManyRequests         429  the user, or the token, has used up what it may; `Retry-After` says when again
├── InternalError           500  a defect of ours; the log has it under the request's id
└── Unavailable             503  the database cannot be reached
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """Where in the request, and what is wrong there."""

    location: str = Field(description="body, query, path or header, then the names that lead there")
    message: str


class ProblemView(BaseModel):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[FieldError] | None = None


class Problem(Exception):
    """Raise it anywhere in a request; it becomes the answer."""

    status: ClassVar[int]
    slug: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def view(self, request_id: str | None = None) -> ProblemView:
        return ProblemView(
            type=f"urn:invariant:problem:{self.slug}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            request_id=request_id,
            errors=self.errors or None,
        )

    def response(self, request_id: str | None = None) -> Response:
        return Response(
            self.view(request_id).model_dump_json(exclude_none=True),
            status_code=self.status,
            media_type=MEDIA_TYPE,
            headers=self.headers,
        )


class MalformedRequest(Problem):
    status, slug, title = 400, "malformed-request", "The request cannot be read"


class Unauthenticated(Problem):
    status, slug, title = 401, "unauthenticated", "A valid token is needed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="invariant"'})


class Forbidden(Problem):
    status, slug, title = 403, "forbidden", "The token does not allow this"


class NotFound(Problem):
    status, slug, title = 404, "not-found", "There is no such thing"


class MethodNotAllowed(Problem):
    status, slug, title = 405, "method-not-allowed", "The path does not have this method"


class RequestTimeout(Problem):
    status, slug, title = 408, "request-timeout", "The body did not arrive in time"


class Conflict(Problem):
    status, slug, title = 409, "conflict", "Not in its present state"


class InFlight(Conflict):
    slug, title = "in-flight", "The same request is being worked on"


class BodyTooLarge(Problem):
    status, slug, title = 413, "body-too-large", "The body is too large"


class UnsupportedMediaType(Problem):
    status, slug, title = 415, "unsupported-media-type", "The body is of another kind"


class InvalidRequest(Problem):
    status, slug, title = 422, "invalid-request", "The request is not acceptable"


class ArchiveNotAccepted(InvalidRequest):
    slug, title = "archive-not-accepted", "The archive is not accepted"


class KeyReused(InvalidRequest):
    slug, title = "idempotency-key-reused", "The Idempotency-Key was used for something else"


class TooManyRequests(Problem):
    """`seconds`: when it may be tried again. `logged`: the log is told of it otherwise than by this request's line."""

    status, slug, title = 429, "too-many-requests", "A limit is reached"

    def __init__(self, detail: str, *, seconds: float, logged: bool = False) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, math.ceil(seconds)))})
        self.logged = logged


class InternalError(Problem):
    status, slug, title = 500, "internal-error", "Something failed on our side"


class Unavailable(Problem):
    status, slug, title = 503, "unavailable", "The service cannot work right now"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "5"})


def from_validation(errors: Sequence[Any], root: str) -> InvalidRequest:
    """pydantic's errors as a problem; the values that were sent are not echoed."""
    found = []
    for error in errors[:20]:
        location = "/".join([root, *(str(part) for part in error["loc"])])
        found.append(FieldError(location=printable(location)[:300], message=printable(error["msg"])[:500]))
    first = found[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return InvalidRequest(f"{first.location}: {first.message}{more}", errors=found)


def printable(text: str) -> str:
    """`text` without anything that could not be sent back as UTF-8."""
    return text.encode("utf-8", errors="backslashreplace").decode().replace("\x00", "\\x00")
