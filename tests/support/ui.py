"""The ui as a process, and what a person without a browser does with it."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from invariant.stack import clean_environment, free_port
from tests.support.processes import TOKEN, Process, process

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
SECRET = "a-secret-of-the-pages-0123456789-0123456789"


@contextlib.contextmanager
def ui(folder: Path, backend: str, **more: str) -> Iterator[tuple[str, Process]]:
    """The address of a ui that serves, and its process."""
    port = free_port()
    env = {
        **clean_environment(),
        "CVA_BACKEND_URL": backend,
        "CVA_API_TOKEN": TOKEN,
        "CVA_LOG_FORMAT": "json",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        **more,
    }
    with process("ui", env, folder) as running:
        running.wait_for("Application startup complete")
        yield f"http://127.0.0.1:{port}", running


def csrf(page: str) -> str:
    found = _CSRF.search(page)
    assert found is not None, page
    return unescape(found[1])


def there(page: str) -> str:
    """Where a page leads by itself."""
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page)
    assert found is not None, page
    return unescape(found[1])


class Reader(httpx.Client):
    """Somebody who reads pages and sends their forms, without scripts."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, timeout=30, follow_redirects=True)

    def log_in(self, name: str) -> httpx.Response:
        """On a developer's machine, under any name."""
        return self.send_form("/login", "/login", {"name": name})

    def send_form(
        self, page: str, action: str, values: Mapping[str, Any], files: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Open a page, and send one of its forms."""
        token = csrf(self.get(page).text)
        return self.post(action, data={"csrf": token, **values}, files=files)
