"""The peers' side of bench/turns.h: get ready once, then work for a while each time it is asked."""

import json
import sys
import time
from collections.abc import Callable, Iterator


def serve(facts: dict, turn: Callable[[float], dict]) -> None:
    """Prints `facts` as a JSON line, then for each line of standard input, a number of seconds, what
    `turn` makes of it: {"values": [...], ...}."""
    print(json.dumps({"ready": True, **facts}), flush=True)
    for line in sys.stdin:
        print(json.dumps(turn(float(line))), flush=True)


def for_seconds(seconds: float, work: Callable[[], float]) -> Iterator[float]:
    """amount / time of each piece of work, at least one, for about so many seconds. `work` returns
    its amount."""
    begun, first = time.perf_counter(), True
    while first or time.perf_counter() - begun < seconds:
        first = False
        start = time.perf_counter()
        amount = work()
        yield amount / (time.perf_counter() - start)
