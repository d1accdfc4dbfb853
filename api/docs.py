"""The api described: /openapi.json, and outside production /docs for people."""

import importlib.resources
import json
from collections.abc import Sequence

from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from api.http import openapi
from api.http.routing import Answer, Call, Operation, Operations
from worker.core.vocabulary import Scope

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Invariant API</title>
<link rel="stylesheet" href="/docs/static/swagger-ui.css"></head>
<body><div id="page"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true})</script>
</body></html>
"""


def operations(described: Sequence[Operation]) -> Operations:
    """The operation that gives out the document of `described` and of itself."""
    own = Operations("service")

    @own.add("GET", "/openapi.json", scope=Scope.RUNS_READ, answers={200: Answer(media_type="application/json")})
    async def openapi_document(call: Call) -> Response:
        """This document"""
        return Response(content, media_type="application/json")

    content = json.dumps(openapi.document([*described, *own.found])).encode()
    return own


def pages() -> list[BaseRoute]:
    """/docs, where the package with the page's files is installed (the extra `local`)."""
    try:
        files = importlib.resources.files("swagger_ui_bundle")
    except ModuleNotFoundError:
        return []
    folders = [item for item in (files / "vendor").iterdir() if (item / "swagger-ui.css").is_file()]

    async def page(_: object) -> Response:
        return HTMLResponse(_PAGE)

    return [
        Route("/docs", page, include_in_schema=False),
        *(Mount("/docs/static", StaticFiles(directory=str(folder))) for folder in folders[:1]),
    ]
