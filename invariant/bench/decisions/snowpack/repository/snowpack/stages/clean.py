"""Throw out what cannot be true."""

import logging

import pandas as pd

from snowpack.config import Config

log = logging.getLogger(__name__)
LOGGER_ERROR = 999.9


def run(frame: pd.DataFrame, config: Config) -> pd.DataFrame:
    before = len(frame)
    frame = frame[frame["temp_c"].between(-60, 50) | frame["temp_c"].isna()]
    frame = frame.drop_duplicates(subset=["station", "time"])
    log.info("dropped %d of %d rows", before - len(frame), before)
    frame = frame.assign(station=frame["station"].fillna("unknown"))
    return _depth(frame)


def _depth(frame: pd.DataFrame) -> pd.DataFrame:
    """Mark the value that loggers write when the sensor is broken."""
    broken = frame["depth_cm"] == LOGGER_ERROR
    print("broken sensors:", int(broken.sum()))
    # Not inplace=True: the caller keeps its frame.
    frame = frame.assign(depth_cm=frame["depth_cm"].mask(broken))
    frame["depth_cm"] = frame["depth_cm"].fillna(0)
    return frame
