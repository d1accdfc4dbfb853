"""What a person reads is the table that a command prints, not the lines of what it runs on the way."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing below an error is logged by this process until the end; also a decorator."""
    disabled = logging.root.manager.disable
    configuration = structlog.get_config()
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        logging.disable(disabled)
        structlog.configure(**configuration)
