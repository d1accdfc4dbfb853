"""The logger of the package."""

import logging
import os

logger = logging.getLogger("spanset")
if os.environ.get("SPANSET_DEBUG"):
    logging.basicConfig(level=logging.DEBUG)
