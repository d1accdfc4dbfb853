from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from snowpack.stages import report


def test_one_row_a_station(tmp_path):
    frame = pd.DataFrame(
        {
            "station": ["a", "a", "b"],
            "depth_cm": [10.0, 12.0, 3.0],
            "swe_mm": [20.0, 30.0, 5.0],
            "swe_spread_mm": [1.0, 1.0, 2.0],
        }
    )
    table = report.summary(frame, SimpleNamespace(out_dir=tmp_path), date(2025, 3, 1))
    assert list(table["station"]) == ["a", "b"]
    assert list(table["depth_max_cm"]) == pytest.approx([12.0, 3.0])
