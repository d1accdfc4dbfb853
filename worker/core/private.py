"""Keep this process's memory and environment, keys among them, from other processes of its user."""

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def keep_private() -> None:
    """No `/proc/PID/environ`, no debugger, no core file, but for root (prctl(2), PR_SET_DUMPABLE); on Linux alone."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
