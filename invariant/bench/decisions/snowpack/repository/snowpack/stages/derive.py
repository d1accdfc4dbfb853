"""Snow water equivalent and its uncertainty."""

import numpy as np
import pandas as pd

from snowpack.config import Config


def run(frame: pd.DataFrame, config: Config) -> pd.DataFrame:
    frame = frame.dropna(subset=["density_kgm3"])
    frame = frame.eval("swe_mm = depth_cm * density_kgm3 / 100")
    frame["new_snow"] = frame.groupby("station")["depth_cm"].diff().clip(lower=0)
    frame["melting"] = (frame["temp_c"] > 0) & (frame["state"] == "wet")
    return frame.merge(_spread(frame, config), on="station")


def _spread(frame: pd.DataFrame, config: Config) -> pd.DataFrame:
    """Bootstrap the spread of the water equivalent of each station."""
    generator = np.random.default_rng(config.seed)
    rows = []
    for station, group in frame.groupby("station", sort=True):
        values = group["swe_mm"].to_numpy()
        size = max(1, int(len(values) * config.bootstrap_share))
        means = [generator.choice(values, size=size).mean() for _ in range(200)]
        rows.append({"station": station, "swe_spread_mm": float(np.std(means))})
    return pd.DataFrame(rows)
