"""A GitHub with repositories, an App and its installations, on a port of this process: its API, and git beside it.

Whatever is not published is answered with 400 and noted in `undocumented`; what it answers itself has published fields
alone. `faults` are answers that come first, whatever is asked.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import secrets
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.support.github import backend
from tests.support.github.published import Published, find
from tests.support.processes import eventually
from worker.core.github import signing

APP_ID = 4711
SECRET = "the webhook's secret"
_PREFIX = "/api/v3"


def _key() -> tuple[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return pem.decode(), key.public_key()


PRIVATE_KEY, _PUBLIC_KEY = _key()


@dataclass
class Repo:
    """`git` is a bare repository; `files` what the contents of a ref are, by (ref, path)."""

    id: int
    full_name: str
    installation: int
    git: Path | None = None
    private: bool = True
    default_branch: str = "main"
    heads: dict[str, str] = field(default_factory=dict)
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    merge_bases: dict[str, str] = field(default_factory=dict)
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    annotations: dict[int, list[Any]] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    sarifs: list[dict[str, Any]] = field(default_factory=list)
    collaborators: dict[str, dict[str, bool]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        assert self.git is not None
        return self.git


@dataclass(frozen=True)
class Fault:
    """An answer instead of the one that is asked for. `status` 0 closes the connection, below it nothing is wrong;
    `after`: what was asked is done."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    after: bool = False


@dataclass
class GitHub:
    repos: dict[int, Repo] = field(default_factory=dict)
    url: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    undocumented: list[str] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    faults: deque[Fault] = field(default_factory=deque)
    always: dict[str, Fault] = field(default_factory=dict)
    """By operation: what it is always answered with."""
    suspended: set[int] = field(default_factory=set)
    away: bool = False
    on_request: Callable[[str], None] | None = None
    instead_of_git: Callable[[Request], Awaitable[Response]] | None = None
    tokens: dict[str, tuple[float, frozenset[int], dict[str, str]]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def settings(self) -> dict[str, str]:
        return {
            "CVA_GITHUB_APP_ID": str(APP_ID),
            "CVA_GITHUB_PRIVATE_KEY": PRIVATE_KEY,
            "CVA_GITHUB_API_URL": f"{self.url}{_PREFIX}",
            "CVA_GITHUB_WEBHOOK_SECRET": SECRET,
        }

    def add(self, repo: Repo) -> Repo:
        self.repos[repo.id] = repo
        return repo

    def describe(self, repo: Repo) -> dict[str, Any]:
        return {
            "id": repo.id,
            "full_name": repo.full_name,
            "name": repo.full_name.split("/")[1],
            "private": repo.private,
            "default_branch": repo.default_branch,
            "clone_url": f"{self.url}/{repo.full_name}.git",
        }

    # Answers to requests.

    async def api(self, request: Request) -> Response:
        path = request.url.path.removeprefix(_PREFIX)
        if self.away:
            return _close()
        found = find(request.method, path)
        if found is None:
            self.undocumented.append(f"{request.method} {path}")
            return PlainTextResponse("undocumented", 400)
        operation, names = found
        self.requests[operation.name] += 1
        if self.on_request is not None:
            await asyncio.to_thread(self.on_request, operation.name)
        content = await request.body()
        body = json.loads(content) if content else None
        wrong = operation.wrong(dict(request.query_params), body)
        if wrong is not None:
            self.undocumented.append(f"{operation.name}: {wrong}")
            return JSONResponse({"message": wrong}, 422)
        fault = self.faults.popleft() if self.faults else None
        fault = None if fault is not None and fault.status < 0 else fault
        if fault is not None and not fault.after:
            return _faulty(fault)
        if operation.name in self.always:
            return _faulty(self.always[operation.name])
        authorization = request.headers.get("authorization", "")
        self.authorizations.add(authorization)
        try:
            answer = self._answer(operation, names, dict(request.query_params), body, authorization, request)
        except _Refused as refused:
            return JSONResponse({"message": refused.message}, refused.status)
        return answer if fault is None else _faulty(fault)

    def _answer(
        self,
        operation: Published,
        names: dict[str, str],
        query: dict[str, str],
        body: Any,
        authorization: str,
        request: Request,
    ) -> Response:
        if operation.name == "POST /app/installations/{installation_id}/access_tokens":
            return _json(operation, self._token(int(names["installation_id"]), body, authorization))
        if operation.name == "GET /app/installations":
            self._claims(authorization)
            numbers = sorted({repo.installation for repo in self.repos.values()})
            found = [
                {"id": number, "suspended_at": "2026-01-01T00:00:00Z" if number in self.suspended else None}
                for number in numbers
            ]
            return _json(operation, _page(found, query))
        if operation.name == "POST /app-manifests/{code}/conversions":
            if names["code"] != "the-code":
                raise _Refused(404, "Not Found")
            return _json(
                operation,
                {
                    "id": APP_ID,
                    "pem": PRIVATE_KEY,
                    "webhook_secret": SECRET,
                    "slug": "invariant",
                    "html_url": f"{self.url}/apps/invariant",
                },
            )
        ids = self._allowed(authorization)
        if operation.name == "GET /installation/repositories":
            items = [self.describe(repo) for repo in self.repos.values() if repo.id in ids]
            return _json(operation, {"total_count": len(items), "repositories": items})
        repo = self._named(names, ids)
        handler = getattr(self, _METHODS[operation.name])
        found = handler(repo, names, query, body, request)
        return found if isinstance(found, Response) else _json(operation, found)

    def _claims(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        try:
            claims = jwt.decode(token, _PUBLIC_KEY, algorithms=["RS256"])
        except jwt.PyJWTError as error:
            raise _Refused(401, f"A JSON web token could not be decoded: {error}") from None
        if scheme != "Bearer" or str(claims["iss"]) != str(APP_ID) or claims["exp"] - claims["iat"] > 600:
            raise _Refused(401, "Bad credentials")

    def _token(self, installation: int, body: Any, authorization: str) -> dict[str, Any]:
        self._claims(authorization)
        mine = {repo.id for repo in self.repos.values() if repo.installation == installation}
        if not mine:
            raise _Refused(404, "Not Found")
        asked = set((body or {}).get("repository_ids") or mine)
        if not asked <= mine:
            raise _Refused(422, "There is at least one repository that does not exist")
        made = f"ghs_{secrets.token_hex(18)}"
        permissions = (body or {}).get("permissions") or {"contents": "read", "checks": "write"}
        self.tokens[made] = (time.time() + 3600, frozenset(asked), permissions)
        ends = datetime.now(UTC) + timedelta(hours=1)
        return {"token": made, "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"), "permissions": permissions}

    def _allowed(self, authorization: str) -> frozenset[int]:
        known = self.tokens.get(authorization.partition(" ")[2])
        if known is None or known[0] < time.time():
            raise _Refused(401, "Bad credentials")
        return known[1]

    def _named(self, names: dict[str, str], ids: frozenset[int]) -> Repo:
        full_name = f"{names['owner']}/{names['repo']}"
        repo = next((repo for repo in self.repos.values() if repo.full_name == full_name), None)
        if repo is None or repo.id not in ids:
            raise _Refused(404, "Not Found")
        return repo

    def repository(self, repo: Repo, *_: Any) -> Any:
        return self.describe(repo)

    def branch(self, repo: Repo, names: dict[str, str], _: Any, __: Any, request: Request) -> Any:
        sha = repo.heads.get(names["branch"])
        if sha is None:
            raise _Refused(404, "Branch not found")
        etag = f'W/"{sha}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return JSONResponse({"name": names["branch"], "commit": {"sha": sha}}, headers={"ETag": etag})

    def pull_requests(self, repo: Repo, _: Any, query: dict[str, str], *__: Any) -> Any:
        found = [
            pull
            for pull in repo.pulls
            if pull.get("state", "open") == query.get("state", "open")
            and query.get("head") in (None, pull.get("head", {}).get("label"))
        ]
        return _page(found, query)

    def compare(self, repo: Repo, names: dict[str, str], *_: Any) -> Any:
        if names["basehead"] not in repo.merge_bases:
            raise _Refused(404, "Not Found")
        return {"merge_base_commit": {"sha": repo.merge_bases[names["basehead"]]}}

    def contents(self, repo: Repo, names: dict[str, str], query: dict[str, str], _: Any, request: Request) -> Any:
        text = repo.files.get((query.get("ref", ""), names["path"]))
        if text is None:
            raise _Refused(404, "Not Found")
        if "raw" in request.headers.get("accept", ""):
            return PlainTextResponse(text, media_type="application/vnd.github.raw+json")
        return {"content": base64.b64encode(text.encode()).decode(), "encoding": "base64"}

    def make_check(self, repo: Repo, _: Any, __: Any, body: dict[str, Any], *___: Any) -> Any:
        number = next(self._numbers)
        repo.annotations[number] = []
        repo.checks[number] = {
            "id": number,
            "head_sha": body["head_sha"],
            "name": body["name"],
            "external_id": body.get("external_id"),
            "status": body.get("status", "queued"),
            "conclusion": body.get("conclusion"),
            "app": {"id": APP_ID},
            "output": {},
        }
        return self._told(repo, number, body)

    def change_check(self, repo: Repo, names: dict[str, str], _: Any, body: dict[str, Any], *__: Any) -> Any:
        number = int(names["check_run_id"])
        check = repo.checks[number]
        check |= {name: body[name] for name in ("status", "conclusion") if name in body}
        return self._told(repo, number, body)

    def _told(self, repo: Repo, number: int, body: dict[str, Any]) -> dict[str, Any]:
        output = body.get("output", {})
        repo.annotations[number] += output.get("annotations", [])
        check = repo.checks[number]
        check["actions"] = body.get("actions", check.get("actions"))
        check["output"] = {
            **check["output"],
            **{name: output[name] for name in ("title", "summary", "text") if name in output},
            "annotations_count": len(repo.annotations[number]),
        }
        return _shown(check)

    def check(self, repo: Repo, names: dict[str, str], *_: Any) -> Any:
        return _shown(repo.checks[int(names["check_run_id"])])

    def checks_of(self, repo: Repo, names: dict[str, str], query: dict[str, str], *_: Any) -> Any:
        found = [
            _shown(check)
            for check in repo.checks.values()
            if check["head_sha"] == names["ref"] and query.get("check_name", check["name"]) == check["name"]
        ]
        return {"total_count": len(found), "check_runs": _page(found, query)}

    def list_comments(self, repo: Repo, names: dict[str, str], query: dict[str, str], *_: Any) -> Any:
        return _page([c for c in repo.comments if c["issue"] == int(names["issue_number"])], query, hide="issue")

    def make_comment(self, repo: Repo, names: dict[str, str], _: Any, body: dict[str, Any], *__: Any) -> Any:
        comment = {
            "id": next(self._numbers),
            "body": body["body"],
            "performed_via_github_app": {"id": APP_ID},
            "issue": int(names["issue_number"]),
        }
        repo.comments.append(comment)
        return {name: value for name, value in comment.items() if name != "issue"}

    def change_comment(self, repo: Repo, names: dict[str, str], _: Any, body: dict[str, Any], *__: Any) -> Any:
        comment = next(c for c in repo.comments if c["id"] == int(names["comment_id"]))
        comment["body"] = body["body"]
        return {name: value for name, value in comment.items() if name != "issue"}

    def upload(self, repo: Repo, _: Any, __: Any, body: dict[str, Any], *___: Any) -> Any:
        repo.sarifs.append(body)
        return {"id": str(next(self._numbers))}

    def list_collaborators(self, repo: Repo, _: Any, query: dict[str, str], *__: Any) -> Any:
        found = [{"login": login, "permissions": its} for login, its in repo.collaborators.items()]
        return _page(found, query)

    def make_pull(self, repo: Repo, _: Any, __: Any, body: dict[str, Any], *___: Any) -> Any:
        number = len(repo.pulls) + 1
        label = f"{repo.full_name.split('/')[0]}:{body['head']}"
        made = {
            "number": number,
            "state": "open",
            "title": body["title"],
            "body": body["body"],
            "head": {"ref": body["head"], "sha": self._at(repo, body["head"]), "label": label, "repo": {"id": repo.id}},
            "base": {"ref": body["base"], "sha": self._at(repo, body["base"])},
            "html_url": f"{self.url}/{repo.full_name}/pull/{number}",
        }
        repo.pulls.append(made)
        return made

    def change_pull(self, repo: Repo, names: dict[str, str], _: Any, body: dict[str, Any], *__: Any) -> Any:
        pull = next(pull for pull in repo.pulls if pull["number"] == int(names["pull_number"]))
        pull |= body
        return pull

    # Objects of git, made by git itself.

    def _at(self, repo: Repo, branch: str) -> str:
        return backend.git(repo.folder, "rev-parse", f"refs/heads/{branch}")

    def make_blob(self, repo: Repo, _: Any, __: Any, body: dict[str, Any], *___: Any) -> Any:
        content = base64.b64decode(body["content"]) if body["encoding"] == "base64" else body["content"].encode()
        return {"sha": backend.git(repo.folder, "hash-object", "-w", "--stdin", given=content), "url": ""}

    def make_tree(self, repo: Repo, _: Any, __: Any, body: dict[str, Any], *___: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            backend.git(repo.folder, "read-tree", body["base_tree"], more=index)
            for entry in body["tree"]:
                mode = entry["mode"] if entry["sha"] else "0"
                line = f"{mode} {entry['sha'] or '0' * 40}\t{entry['path']}\n".encode()
                backend.git(repo.folder, "update-index", "--index-info", given=line, more=index)
            return {"sha": backend.git(repo.folder, "write-tree", more=index), "tree": [], "truncated": False}

    def make_commit(self, repo: Repo, _: Any, __: Any, body: dict[str, Any], *___: Any) -> Any:
        who = {
            f"GIT_{role.upper()}_{part.upper()}": body[role][part]
            for role in ("author", "committer")
            for part in ("name", "email", "date")
        }
        parents = [argument for parent in body["parents"] for argument in ("-p", parent)]
        sha = backend.git(repo.folder, "commit-tree", body["tree"], *parents, given=body["message"].encode(), more=who)
        return {"sha": sha, "message": body["message"]}

    def get_commit(self, repo: Repo, names: dict[str, str], *_: Any) -> Any:
        return {
            "sha": names["commit_sha"],
            "tree": {"sha": backend.git(repo.folder, "rev-parse", f"{names['commit_sha']}^{{tree}}")},
        }

    def get_ref(self, repo: Repo, names: dict[str, str], *_: Any) -> Any:
        try:
            return {
                "ref": names["ref"],
                "object": {"sha": backend.git(repo.folder, "rev-parse", "--verify", f"refs/{names['ref']}")},
            }
        except subprocess.CalledProcessError:
            raise _Refused(404, "Not Found") from None

    def make_ref(self, repo: Repo, _: Any, __: Any, body: dict[str, Any], *___: Any) -> Any:
        backend.git(repo.folder, "update-ref", body["ref"], body["sha"], "0" * 40)
        return {"ref": body["ref"], "object": {"sha": body["sha"]}}

    def move_ref(self, repo: Repo, names: dict[str, str], _: Any, body: dict[str, Any], *__: Any) -> Any:
        backend.git(repo.folder, "update-ref", f"refs/{names['ref']}", body["sha"])
        return {"ref": names["ref"], "object": {"sha": body["sha"]}}

    # git, as GitHub has it: a token is the password.

    async def git(self, request: Request) -> Response:
        return await (self.instead_of_git or self.real_git)(request)

    async def real_git(self, request: Request) -> Response:
        full_name = f"{request.path_params['owner']}/{request.path_params['name']}".removesuffix(".git")
        self.requests[f"git {request.url.path.rsplit('/', 1)[-1]}"] += 1
        repo = next((repo for repo in self.repos.values() if repo.full_name == full_name), None)
        given = request.headers.get("authorization", "")
        self.authorizations.add(given)
        if self.away:
            return _close()
        if self.on_request is not None:
            await asyncio.to_thread(self.on_request, "git")
        if repo is None or repo.git is None:
            return PlainTextResponse("Repository not found.", 404)
        if repo.private and not self._may_read(repo, given):
            return PlainTextResponse("", 401, {"WWW-Authenticate": 'Basic realm="GitHub"'})
        return await asyncio.to_thread(backend.serve, repo.git, request, await request.body())

    def _may_read(self, repo: Repo, given: str) -> bool:
        scheme, _, encoded = given.partition(" ")
        if scheme.lower() != "basic":
            return False
        user, _, token = base64.b64decode(encoded).decode().partition(":")
        known = self.tokens.get(token)
        return user == "x-access-token" and known is not None and repo.id in known[1] and "contents" in known[2]


_METHODS = {
    "GET /repos/{owner}/{repo}": "repository",
    "GET /repos/{owner}/{repo}/branches/{branch}": "branch",
    "GET /repos/{owner}/{repo}/pulls": "pull_requests",
    "GET /repos/{owner}/{repo}/compare/{basehead}": "compare",
    "GET /repos/{owner}/{repo}/contents/{path}": "contents",
    "GET /repos/{owner}/{repo}/collaborators": "list_collaborators",
    "POST /repos/{owner}/{repo}/check-runs": "make_check",
    "GET /repos/{owner}/{repo}/check-runs/{check_run_id}": "check",
    "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}": "change_check",
    "GET /repos/{owner}/{repo}/commits/{ref}/check-runs": "checks_of",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments": "list_comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments": "make_comment",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}": "change_comment",
    "POST /repos/{owner}/{repo}/code-scanning/sarifs": "upload",
    "POST /repos/{owner}/{repo}/pulls": "make_pull",
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}": "change_pull",
    "POST /repos/{owner}/{repo}/git/blobs": "make_blob",
    "POST /repos/{owner}/{repo}/git/trees": "make_tree",
    "POST /repos/{owner}/{repo}/git/commits": "make_commit",
    "GET /repos/{owner}/{repo}/git/commits/{commit_sha}": "get_commit",
    "GET /repos/{owner}/{repo}/git/ref/{ref}": "get_ref",
    "POST /repos/{owner}/{repo}/git/refs": "make_ref",
    "PATCH /repos/{owner}/{repo}/git/refs/{ref}": "move_ref",
}


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class _Closed(Response):
    """The connection ends without an answer."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise ConnectionError("closed on purpose")


def _close() -> Response:
    return PlainTextResponse("<html>502 Bad Gateway</html>", 502)


def _faulty(fault: Fault) -> Response:
    if fault.status == 0:
        return _Closed()
    return JSONResponse(fault.body or {"message": "as scripted"}, fault.status, fault.headers)


def _json(operation: Published, answer: Any) -> Response:
    """Answers have the published fields alone."""
    for item in answer if isinstance(answer, list) else [answer]:
        unknown = set(item) - set(operation.fields)
        assert not unknown, f"{operation.name} has no {unknown}"
    return JSONResponse(answer, operation.success)


def _shown(check: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in check.items() if name != "actions"}


def _page(items: list[dict[str, Any]], query: dict[str, str], hide: str = "") -> list[dict[str, Any]]:
    size, number = int(query.get("per_page", 30)), int(query.get("page", 1))
    page = items[(number - 1) * size : number * size]
    return [{name: value for name, value in item.items() if name != hide} for item in page]


@contextlib.contextmanager
def github() -> Iterator[GitHub]:
    found = GitHub()
    app = Starlette(
        routes=[
            Route(f"{_PREFIX}/{{path:path}}", found.api, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
            Route("/{owner}/{name}/{rest:path}", found.git, methods=["GET", "POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            eventually(lambda: server.started or None)
            found.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield found
        finally:
            server.should_exit = True
            thread.join(20)


def signed(event: str, payload: Any, *, delivery: str | None = None, secret: str = SECRET) -> dict[str, Any]:
    """What GitHub posts: keyword arguments of httpx's `post`."""
    content = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or secrets.token_hex(16),
        signing.HEADER: signing.signature(secret, content),
    }
    return {"content": content, "headers": headers}
