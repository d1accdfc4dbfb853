"""Asks a server again and again whether it is well, in a process that does nothing else; ends when its input does.

Says in JSON how long each answer took, in seconds, and what was wrong.
"""

import http.client
import itertools
import json
import select
import sys
import time

_EVERY = 0.05
_SECONDS = 20


def main(port: int, paths: list[str]) -> None:
    seconds: list[float] = []
    failures: list[str] = []
    for path in itertools.cycle(paths):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(f"{path} answered {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{path}: {error!r}")
        finally:
            connection.close()
        seconds.append(time.monotonic() - began)
        if select.select([sys.stdin], [], [], _EVERY)[0]:
            break
    print(json.dumps({"seconds": seconds, "failures": failures}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
