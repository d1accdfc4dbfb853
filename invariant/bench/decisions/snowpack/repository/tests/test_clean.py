import pandas as pd

from snowpack.stages import clean


def test_impossible_temperature_is_dropped():
    frame = pd.DataFrame(
        {
            "station": ["a", "a"],
            "time": pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True),
            "temp_c": [-5.0, 80.0],
            "depth_cm": [30.0, 31.0],
        }
    )
    assert len(clean.run(frame, None)) == 1
