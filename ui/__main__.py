"""The ui process: configure, serve on $PORT."""

import contextlib
import gc
import socket
import sys

import structlog
import uvicorn

from ui import logs, settings
from ui.app import create_app
from ui.settings import Settings

log = structlog.get_logger("ui")

_BACKLOG = 1024
# A page that is being written gets this long (seconds) after SIGTERM; streams are cut, and browsers come back.
_SHUTDOWN_SECONDS = 5


def listen(config: Settings) -> socket.socket:
    """HOST alone, on a developer's machine loopback alone, or every address of both families. Raises OSError."""
    host = config.host or (None if config.deployed else "127.0.0.1")
    if host is not None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, config.port), family=family, backlog=_BACKLOG)
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):
            address = ("::", config.port)
            return socket.create_server(address, family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
    return socket.create_server(("0.0.0.0", config.port), backlog=_BACKLOG)  # noqa: S104  a server of a container


def main() -> int:
    try:
        config = settings.load()
        logs.configure(config)
        app = create_app(config)
        listener = listen(config)
    except RuntimeError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot listen on port {config.port}: {error.strerror}. Set PORT to a free one.\n")
        return 1
    host, port = listener.getsockname()[:2]
    log.info("serving", host=host, port=port, backend=config.backend_url)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
    # What was loaded so far stays, and verdicts that are kept are a hundred thousand values without a cycle: looking
    # through them again and again would take longer than the pages.
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    server.run(sockets=[listener])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
