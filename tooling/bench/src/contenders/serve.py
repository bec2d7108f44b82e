"""Runs a side's program in Python: see harness/serve.ts."""

import json
import os
import sys
import time


def serve(open_side, version):
    """`open_side` gets the setup and returns the function that runs a task."""
    run = None
    with os.fdopen(3, "w") as answers:
        for line in sys.stdin:
            try:
                if run:
                    result = run(json.loads(line))
                else:
                    run = open_side(json.loads(line))
                    result = version
                answer = {"result": result}
            except Exception as error:  # The side that asks shows it.
                answer = {"error": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def time_calls(milliseconds, call):
    """Times of one call after another, for about so many milliseconds, and of one at least."""
    times, end = [], time.perf_counter() + milliseconds / 1000
    while True:
        start = time.perf_counter()
        call()
        now = time.perf_counter()
        times.append((now - start) * 1000)
        if now >= end:
            return times
