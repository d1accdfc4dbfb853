"""The table that is published."""

from datetime import date, datetime
from pathlib import Path

import pandas as pd

from snowpack.config import Config


def summary(frame: pd.DataFrame, config: Config, run_date: date) -> pd.DataFrame:
    table = frame.groupby("station", sort=True).agg(
        depth_max_cm=("depth_cm", "max"),
        swe_max_mm=("swe_mm", "max"),
        swe_spread_mm=("swe_spread_mm", "first"),
    )
    table["run_date"] = run_date.isoformat()
    _sample(frame).to_csv(Path(config.out_dir) / "sample.csv", index=False)
    return table.reset_index()


def _sample(frame: pd.DataFrame) -> pd.DataFrame:
    """A few rows for the data owner to look at."""
    rows = frame.sample(n=min(20, len(frame)))
    return rows.assign(drawn_at=datetime.now())
