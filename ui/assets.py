"""What browsers load beside the pages: our own styles and scripts, and the two libraries from npm.

Each has an address with the hash of its content, so that it can be kept for ever; compressed once, at the start.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog
from starlette.requests import Request
from starlette.responses import Response

from ui.errors import NotThere

log = structlog.get_logger("ui.assets")

_HERE = Path(__file__).parent
_MODULES = _HERE / "node_modules"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_FILES = {
    "style.css": _HERE / "static" / "style.css",
    "page.js": _HERE / "static" / "page.js",
    "live.js": _HERE / "static" / "live.js",
    "charts.js": _HERE / "static" / "charts.js",
    "icon.svg": _HERE / "static" / "icon.svg",
    "htmx.js": _MODULES / "htmx.org" / "dist" / "htmx.min.js",
    "uplot.js": _MODULES / "uplot" / "dist" / "uPlot.iife.min.js",
    "uplot.css": _MODULES / "uplot" / "dist" / "uPlot.min.css",
}
_DIGITS = 16


@dataclass(frozen=True)
class Asset:
    content: bytes
    compressed: bytes
    media_type: str
    digest: str


@cache
def _assets() -> dict[str, Asset]:
    found = {}
    for name, path in _FILES.items():
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            log.warning("an asset is missing: the pages work without it, by reloading", asset=name)
            continue
        digest = hashlib.sha256(content).hexdigest()[:_DIGITS]
        found[name] = Asset(content, gzip.compress(content, 9, mtime=0), _TYPES[path.suffix], digest)
    return found


def url(name: str) -> str | None:
    """Where a page finds it; None where it was not installed."""
    asset = _assets().get(name)
    return None if asset is None else f"/assets/{asset.digest}/{name}"


async def serve(request: Request) -> Response:
    """GET /assets/{digest}/{name}"""
    asset = _assets().get(request.path_params["name"])
    if asset is None or asset.digest != request.path_params["digest"]:
        raise NotThere
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.compressed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type, headers=headers)
