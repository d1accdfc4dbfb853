"""Reading station files and writing results."""

import logging
from pathlib import Path

import pandas as pd

log = logging.getLogger(__name__)
COLUMNS = {"hs": "depth_cm", "ta": "temp_c", "rho": "density_kgm3"}


def read_stations(folder: Path) -> pd.DataFrame:
    frames = []
    for path in sorted(folder.rglob("*.csv")):
        try:
            frame = pd.read_csv(path, parse_dates=["time"])
        except pd.errors.ParserError as error:
            log.error("cannot read %s: %s", path, error)
            continue
        frame["time"] = frame["time"].dt.tz_localize("UTC")
        frames.append(frame.rename(columns=COLUMNS))
    log.info(f"{len(frames)} station files")
    return pd.concat(frames, ignore_index=True)


def write_table(frame: pd.DataFrame, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    frame.to_csv(partial, index=False)
    partial.replace(target)
