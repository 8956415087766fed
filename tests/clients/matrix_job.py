"""Runs cases for the tests in Node: one JSON object a line in, one out. The first line holds what
answers.mjs knows; then each names a case, its source and the daemon."""
import json
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace


def raises(kind, action):
    """The error of that kind that `action` ends with."""
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def equal(got, wanted):
    assert got == wanted, f"{got!r} is not {wanted!r}"


def within(got, bounds):
    least, most = bounds
    assert least <= got <= most, f"{got!r} is not {least} to {most}"


def equal_calls(job, got, name):
    """The real engine (L) names its calls by itself."""
    wanted = job.said[name]["calls"]
    if job.kind != "L":
        equal(got, wanted)
        return
    equal([{**call, "id": ""} for call in got], [{**call, "id": ""} for call in wanted])
    equal(len({call["id"] for call in got if call["id"]}), len(got))


def serve(cases):
    known = json.loads(sys.stdin.readline())
    lock = threading.Lock()

    def run(job):
        out = {"n": job["n"], "error": None, "told": None}
        try:
            out["told"] = cases[job["case"]](SimpleNamespace(**{**known, **job}))
        except BaseException:  # an SDK may raise anything: all of it is the answer
            out["error"] = traceback.format_exc()
        with lock:
            print(json.dumps(out), flush=True)

    with ThreadPoolExecutor(12) as pool:
        for line in sys.stdin:
            pool.submit(run, json.loads(line))
