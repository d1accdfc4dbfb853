"""python -m snowpack config.yaml: process one season."""

import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from snowpack import config as configuration
from snowpack import fetch, io
from snowpack.stages import clean, derive, report


def main() -> int:
    logging.basicConfig(level=logging.INFO)
    config = configuration.load(Path(sys.argv[1]))
    run_date = datetime.now(UTC).date()
    fetch.everything(config)
    frame = io.read_stations(config.raw_dir)
    frame = clean.run(frame, config)
    frame = derive.run(frame, config)
    table = report.summary(frame, config, run_date)
    io.write_table(table, config.out_dir / "summary.csv")
    print(f"{len(table)} stations, run of {run_date}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
