"""Templates, and how values are written in them.

Everything is text unless a template says otherwise: characters that turn a line around or cannot be seen are written
out, and what is endless is cut.
"""

import asyncio
import re  # noqa: TID251  linear: one class of characters
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ui import assets
from ui.session import csrf_token, user_of

_MOST_TEXT = 4000
# C0 and C1 but tab and line feed, the bidirectional controls, and what has no width.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200c\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff]"
    "|[\ud800-\udfff]|[\U000e0000-\U000e007f]"
)
_DASH = "–"


def visible(text: str) -> str:
    """The text with what cannot be seen, or moves what can, written as its code."""
    return _UNSEEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text.replace("\r\n", "\n"))


def clipped(text: str, most: int = _MOST_TEXT) -> str:
    """The text's beginning, and how much more there is."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters)"


def _finalized(value: Any) -> Any:
    """What a template's expression becomes before it is escaped."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return visible(clipped(value))
    return "" if value is None else value


def exact(text: str) -> Markup:
    """All of the text as it is: for what is edited and sent back."""
    return escape(str(text).replace("\x00", ""))


def prose(text: str, most: int = _MOST_TEXT) -> Markup:
    """A sentence of Markdown, of which the code between backticks alone is marked."""
    parts = visible(clipped(text, most)).split("`")
    if len(parts) % 2 == 0:
        return escape("`".join(parts))
    wrapped = (
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )
    return Markup("").join(wrapped)


def moment(value: str | None) -> Markup:
    """An instant of the api's; a script turns it into the reader's zone."""
    if not value:
        return Markup(_DASH)
    instant = datetime.fromisoformat(value).astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        instant.isoformat(timespec="seconds"), instant.strftime("%Y-%m-%d %H:%M")
    )


def seconds(value: float | None) -> str:
    """A duration in its two greatest units."""
    if value is None:
        return _DASH
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} days"


def between(start: str | None, end: str | None) -> str:
    """How long it took."""
    if not start or not end:
        return _DASH
    return seconds((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


def money(value: float | str | Decimal | None) -> str:
    """US dollars: cents, and where it is less than that, as much as is needed."""
    if value is None:
        return _DASH
    amount = float(value)
    if amount == 0:
        return "$0"
    return f"${amount:,.2f}" if abs(amount) >= 0.1 else f"${amount:.4f}"


def number(value: float | None, digits: int = 0) -> str:
    return _DASH if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 0) -> str:
    return _DASH if value is None else f"{100 * value:.{digits}f} %"


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def words(value: str) -> str:
    """An identifier as people write it: `user_proxy` becomes «user proxy»."""
    return value.replace("_", " ")


def query(request: Request, **changes: Any) -> Markup:
    """This page's address with another value for some of its parameters, whole; None and "" leave one out."""
    parameters: dict[str, Any] = {**request.query_params, **changes}
    wanted = {name: value for name, value in parameters.items() if value not in (None, "")}
    return escape(f"{request.url.path}?{urlencode(wanted)}" if wanted else request.url.path)


@cache
def environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        exact=exact,
        prose=prose,
        moment=moment,
        seconds=seconds,
        money=money,
        number=number,
        percent=percent,
        words=words,
        clip=clipped,
        segment=lambda value: quote(str(value), safe=""),
    )
    made.globals.update(between=between, plural=plural, asset=assets.url)
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    return environment().get_template(template).render(values)


async def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """What a template makes of the values and of what all pages show, in another thread: much takes its time."""
    user = user_of(request.session)
    shared = {
        "request": request,
        "user": user,
        "csrf_token": csrf_token(request.session),
        "query": query,
        "request_id": request.state.request_id,
        "is_admin": user is not None and user.is_admin,
    }
    html = await asyncio.to_thread(render, template, {**shared, **values})
    return HTMLResponse(html, status)
