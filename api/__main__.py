"""The api process: configure, bring the schema to head, serve on $PORT over IPv4 and IPv6.

Without a token, which development allows, it serves loopback alone.
"""

import contextlib
import gc
import socket
import sys

import uvicorn

from api.app import create_app
from api.http.loopback import is_loopback
from api.http.protocol import BoundedHttpProtocol, open_files
from api.http.sockets import MAX_MESSAGE, BoundedWebSocketProtocol
from worker.core import settings
from worker.core.db import embedded, migrate
from worker.core.settings import Settings
from worker.core.telemetry import logs, tracing
from worker.core.version import VERSION

log = logs.get("api")

OPEN_TO_THE_NETWORK = (
    "Without CVA_API_TOKEN the api listens on loopback alone, and HOST names another address. "
    "Set CVA_API_TOKEN, or leave HOST out."
)

_BACKLOG = 2048
# An answer that is being written gets this long (seconds) after SIGTERM; live streams are cut.
_SHUTDOWN_SECONDS = 5


def listen(config: Settings) -> list[socket.socket]:
    """The sockets: for HOST alone, for loopback where nobody needs a token, or one for both address families.

    Raises OSError, or RuntimeError for a HOST that others could reach without a token.
    """
    if config.host is not None:
        if config.open_to_all and not is_loopback(config.host):
            raise RuntimeError(OPEN_TO_THE_NETWORK)
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        return [socket.create_server((config.host, config.port), family=family, backlog=_BACKLOG)]
    if config.open_to_all:
        listeners = [socket.create_server(("127.0.0.1", config.port), backlog=_BACKLOG)]
        with contextlib.suppress(OSError):
            port = listeners[0].getsockname()[1]
            listeners.append(socket.create_server(("::1", port), family=socket.AF_INET6, backlog=_BACKLOG))
        return listeners
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            return [
                socket.create_server(("::", config.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
            ]
    return [socket.create_server(("0.0.0.0", config.port), backlog=_BACKLOG)]  # noqa: S104  a server of a container


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
    migrate.at_start(embedded.direct_url(config), apply=config.apply_migrations)
    try:
        listeners = listen(config)
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot listen on port {config.port}: {error.strerror}. Set PORT to a free one.\n")
        return 1
    address = listeners[0].getsockname()
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
    # Often, so that each pause is short: everybody's requests wait for it.
    gc.set_threshold(2_000, 50, 100)
    server.run(sockets=listeners)
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
