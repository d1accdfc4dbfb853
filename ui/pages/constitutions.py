"""What would be read from a constitution while somebody writes it."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from client.asynchronous import Refused, Unreachable
from ui.backend import api
from ui.rendering import page
from ui.security import read_form


async def preview(request: Request) -> Response:
    """POST /constitutions/preview: a part of a page"""
    async with read_form(request) as form:
        text = str(form.get("constitution") or "").replace("\r\n", "\n")
    found, problem = None, None
    if text.strip():
        try:
            found = await api(request).post("/api/constitutions/preview", {"content": text})
        except Refused as refused:
            problem = refused
        except Unreachable:
            problem = Refused(
                502, "No preview", "The api cannot be reached at the moment.", request_id=None, retry_after=None
            )
    return await page(request, "parts/preview.html", found=found, problem=problem)


routes = [Route("/constitutions/preview", preview, methods=["POST"])]
