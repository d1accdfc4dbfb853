"""git itself, behind the server: its objects, and its smart HTTP."""

import os
import subprocess
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response


def git(folder: Path, *arguments: str, given: bytes = b"", more: dict[str, str] | None = None) -> str:
    """What git says in a bare repository; raises CalledProcessError."""
    environment = {**os.environ, "GIT_DIR": str(folder), "GIT_CONFIG_GLOBAL": "/dev/null", **(more or {})}
    done = subprocess.run(["git", *arguments], input=given, capture_output=True, env=environment, check=True)
    return done.stdout.decode().strip()


def serve(folder: Path, request: Request, body: bytes) -> Response:
    """git-http-backend(1), as a server would call it."""
    below = request.url.path.split(".git", 1)[1] if ".git/" in request.url.path else request.path_params["rest"]
    done = subprocess.run(
        ["git", "http-backend"],
        input=body,
        capture_output=True,
        env={
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "uploadpack.allowAnySHA1InWant",
            "GIT_CONFIG_VALUE_1": "true",
            "PATH_INFO": below,
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.url.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        },
        check=True,
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200").split()[0])
    return Response(content, status, headers)
