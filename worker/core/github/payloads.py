"""What GitHub's webhooks tell, as far as it is used: https://docs.github.com/en/webhooks/webhook-events-and-payloads.

A payload becomes facts, which are stored, or a reason why it is ignored. Nothing else of it is kept: it holds names and
addresses of people.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
_Id = Annotated[int, Field(ge=1, lt=1 << 63)]
_Text = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00]*$")]
_BRANCH = "refs/heads/"


class Event(StrEnum):
    """The events that say something to us, by GitHub's names."""

    PING = "ping"
    PUSH = "push"
    PULL_REQUEST = "pull_request"
    MERGE_GROUP = "merge_group"
    CHECK_RUN = "check_run"
    CHECK_SUITE = "check_suite"
    INSTALLATION = "installation"
    INSTALLATION_REPOSITORIES = "installation_repositories"
    MEMBER = "member"


class _Facts(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Installation(_Facts):
    id: _Id
    app_id: _Id | None = None


class Repository(_Facts):
    """In lists of repositories GitHub leaves out all but the first two."""

    id: _Id
    full_name: _Text
    default_branch: _Text | None = None
    clone_url: _Text | None = None


class Sender(_Facts):
    login: _Text


class _OfARepository(_Facts):
    repository: Repository
    installation: Installation | None = None
    sender: Sender | None = None

    @property
    def subject(self) -> str:
        return f"repository-{self.repository.id}"


class Push(_OfARepository):
    """`before` and `after` are all zeros for a branch that was made or deleted."""

    ref: _Text
    before: Sha
    after: Sha
    deleted: bool = False

    @property
    def branch(self) -> str | None:
        """None for a tag."""
        return self.ref.removeprefix(_BRANCH) if self.ref.startswith(_BRANCH) else None


class _Side(_Facts):
    ref: _Text
    sha: Sha


class _Changes(_Facts):
    """Of an edited pull request: `base` is there when it is to be merged elsewhere now."""

    base: dict[str, Any] | None = None


class _PullRequest(_Facts):
    number: int
    head: _Side
    base: _Side


class PullRequest(_OfARepository):
    """`before`: where it was before it was pushed to."""

    action: _Text
    changes: _Changes | None = None
    before: Sha | None = None
    pull_request: _PullRequest


class _MergeGroup(_Facts):
    head_sha: Sha
    head_ref: _Text
    base_sha: Sha
    base_ref: _Text


class MergeGroup(_OfARepository):
    action: _Text
    merge_group: _MergeGroup

    @property
    def branch(self) -> str:
        return self.merge_group.head_ref.removeprefix(_BRANCH)

    @property
    def target(self) -> str:
        return self.merge_group.base_ref.removeprefix(_BRANCH)


class _App(_Facts):
    id: _Id


class _CheckRun(_Facts):
    head_sha: Sha
    external_id: _Text | None = None
    app: _App | None = None


class _Action(_Facts):
    identifier: _Text


class CheckRun(_OfARepository):
    action: _Text
    check_run: _CheckRun
    requested_action: _Action | None = None


class _CheckSuite(_Facts):
    head_sha: Sha
    app: _App | None = None


class CheckSuite(_OfARepository):
    action: _Text
    check_suite: _CheckSuite


class Member(_OfARepository):
    action: _Text


class InstallationChange(_Facts):
    """`repositories` are those that the App is installed on, where GitHub lists them."""

    action: _Text
    installation: Installation
    repositories: tuple[Repository, ...] = ()
    sender: Sender | None = None

    @property
    def subject(self) -> str:
        return f"installation-{self.installation.id}"


class InstallationRepositories(_Facts):
    action: _Text
    installation: Installation
    repositories_added: tuple[Repository, ...] = ()
    repositories_removed: tuple[Repository, ...] = ()
    sender: Sender | None = None

    @property
    def subject(self) -> str:
        return f"installation-{self.installation.id}"


Facts = Push | PullRequest | MergeGroup | CheckRun | CheckSuite | Member | InstallationChange | InstallationRepositories


@dataclass(frozen=True)
class Ignored:
    """Nothing follows from the delivery."""

    reason: str


class Malformed(ValueError):
    """The payload is not what GitHub publishes for its event. The message says where."""


def _push(push: Push) -> str | None:
    if push.branch is None:
        return "it is not of a branch"
    return "the branch was deleted" if push.deleted else None


def _pull_request(asked: PullRequest) -> str | None:
    if asked.action == "edited" and (asked.changes is None or asked.changes.base is None):
        return "only its words were edited"
    return _only("opened", "synchronize", "reopened", "ready_for_review", "edited", "closed")(asked)


def _only(*actions: str) -> Callable[[Any], str | None]:
    def check(facts: Any) -> str | None:
        return None if facts.action in actions else f"nothing follows from the action {facts.action[:64]!a}"

    return check


_EVENTS: Mapping[Event, tuple[type[Facts], Callable[[Any], str | None]]] = {
    Event.PUSH: (Push, _push),
    Event.PULL_REQUEST: (PullRequest, _pull_request),
    Event.MERGE_GROUP: (MergeGroup, _only("checks_requested", "destroyed")),
    Event.CHECK_RUN: (CheckRun, _only("rerequested", "requested_action")),
    Event.CHECK_SUITE: (CheckSuite, _only("rerequested")),
    Event.INSTALLATION: (
        InstallationChange,
        _only("created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"),
    ),
    Event.INSTALLATION_REPOSITORIES: (InstallationRepositories, _only("added", "removed")),
    Event.MEMBER: (Member, _only("added", "edited", "removed")),
}


def read(event: str, payload: object) -> Facts | Ignored:
    """The facts that a delivery brings. Raises Malformed."""
    if event == Event.PING:
        return Ignored("it is a ping")
    if event not in _EVENTS:
        return Ignored("nothing follows from this event")
    kind, check = _EVENTS[Event(event)]
    facts = parsed(event, payload)
    reason = check(facts)
    if reason is not None:
        return Ignored(reason)
    assert isinstance(facts, kind)
    return facts


def parsed(event: str, payload: object) -> Facts:
    """What `read` gave, from how it was stored. Raises Malformed."""
    kind, _ = _EVENTS[Event(event)]
    try:
        return kind.model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise Malformed(f"{where}: {first['msg']}") from None
