"""Takes readings from the network."""

import argparse
import json
import logging
import os.path
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from collector import parse, spool
from collector.limits import OutOfRange

log = logging.getLogger(__name__)
SPOOL = Path("/var/spool/greenhouse")
_taken = 0


def count() -> int:
    """One more reading was taken."""
    global _taken
    _taken += 1
    return _taken


class Handler(BaseHTTPRequestHandler):
    """One request of a station."""

    def do_POST(self) -> None:  # noqa: N802
        """Takes a reading."""
        data = self.rfile.read(min(int(self.headers.get("content-length", 0)), 4096))
        readers = {"json": parse.from_json, "xml": parse.from_xml, "text": parse.from_text}
        try:
            reading = readers[parse.kind_of(data, dict(self.headers))](data)
        except (OutOfRange, parse.Unreadable, KeyError) as error:
            log.warning("refused a reading: %s", error)
            self.send_error(400)
            return
        spool.put(SPOOL, reading)
        self.send_response(202)
        self.end_headers()
        self.wfile.write(json.dumps({"taken": count()}).encode())


def disk_is_full(directory: Path) -> bool:
    """Whether less than a tenth of the disk is free."""
    if not os.path.exists(directory):
        return False
    shown = subprocess.run(["df", "--output=pcent", str(directory)], capture_output=True, text=True, check=False)
    return int(shown.stdout.split()[-1].rstrip("%")) > 90


def main() -> None:
    """Runs the server; the address for production comes from deploy/, e.g. 0.0.0.0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8125)
    options = parser.parse_args()
    if disk_is_full(SPOOL):
        log.error("the disk is nearly full")
    ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
