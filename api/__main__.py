"""The api process: configure, bring the schema to head, serve on $PORT over IPv4 and IPv6."""

import contextlib
import gc
import socket
import sys

import uvicorn

from api.app import create_app
from api.http.protocol import BoundedHttpProtocol, open_files
from api.http.sockets import MAX_MESSAGE, BoundedWebSocketProtocol
from worker.core import settings
from worker.core.db import embedded, migrate
from worker.core.settings import Settings
from worker.core.telemetry import logs, tracing
from worker.core.version import VERSION

log = logs.get("api")

_BACKLOG = 2048
# An answer that is being written gets this long (seconds) after SIGTERM; live streams are cut.
_SHUTDOWN_SECONDS = 5


def listen(config: Settings) -> socket.socket:
    """One socket for both address families, or for HOST alone. Raises OSError."""
    if config.host is not None:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        return socket.create_server((config.host, config.port), family=family, backlog=_BACKLOG)
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return socket.create_server(
                ("::", config.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
    return socket.create_server(("0.0.0.0", config.port), backlog=_BACKLOG)  # noqa: S104  a server of a container


def main() -> int:
    try:
        config = settings.load()
        logs.configure(config, service="api")
        tracing.configure("api")
        short = ".".join(VERSION.split(".")[:2])
        log.info(f"CVA API v{short} starting up")
        url = embedded.database_url(config)
        app = create_app(config, url=url)
    except RuntimeError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    migrate.at_start(url, apply=config.apply_migrations)
    try:
        listener = listen(config)
    except OSError as error:
        sys.stderr.write(f"Cannot listen on port {config.port}: {error.strerror}. Set PORT to a free one.\n")
        return 1
    address = listener.getsockname()
    log.info("serving", host=address[0], port=address[1])
    BoundedHttpProtocol.most = open_files()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            ws=BoundedWebSocketProtocol,
            ws_max_size=MAX_MESSAGE,
            # Its memory for every connection, for messages of a few hundred bytes.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            http=BoundedHttpProtocol,
        )
    )
    # What was loaded so far stays; the collector need not look through it again and again.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    server.run(sockets=[listener])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
