"""Times a function and prints one JSON line per case."""

import argparse
import gc
import json
import statistics
import sys
import time

ENOUGH = 1e-3  # Seconds that one sample lasts at least, so that the clock's own cost vanishes.


def median_seconds(work, budget):
    """Median time of one call: after a warm-up, samples of one or more calls until `budget` seconds are spent."""
    work()
    gc.collect()
    gc.freeze()  # Collections between samples need not look at what the modules hold.
    calls = 1
    while (seconds := timed(work, calls)) < ENOUGH:
        calls = max(2 * calls, int(calls * ENOUGH / max(seconds, 1e-9)))
    samples = [seconds / calls]
    end = time.perf_counter() + budget - seconds
    while time.perf_counter() < end:
        samples.append(timed(work, calls) / calls)
    gc.unfreeze()
    return statistics.median(samples)


def timed(work, calls):
    """Seconds of `calls` calls, with the garbage collector off as in timeit, and run afterwards."""
    gc.disable()
    start = time.perf_counter()
    for _ in range(calls):
        work()
    seconds = time.perf_counter() - start
    gc.enable()
    gc.collect()
    return seconds


class Peer:
    def __init__(self, name):
        parser = argparse.ArgumentParser()
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--budget", type=float, default=1.0, help="seconds per case")
        parser.add_argument("--group", help="the cases to measure, all unless told")
        arguments = parser.parse_args()
        self.name, self.threads, self.budget = name, arguments.threads, arguments.budget
        self.group = arguments.group

    def run(self, alone, threaded=()):
        """Runs each group of cases that is asked for: with more than one thread those that are `threaded`, too."""
        for name, group in {**(alone if self.threads == 1 else {}), **dict(threaded)}.items():
            if self.group in (None, name):
                group(self)

    def threaded(self, case):
        return f"{case}_{self.threads}_thread{'s' if self.threads > 1 else ''}"

    def report(self, case, work, unit, per_call=1, check=None, flops=None):
        """Times `work`, which does `per_call` units.

        `check` is a number that every peer must agree on; `flops` the floating-point operations of a unit.
        """
        seconds = median_seconds(work, self.budget)
        line = {"peer": self.name, "case": case, "median_ns": seconds * 1e9 / per_call, "unit": unit}
        if check is not None:
            line["check"] = float(check)
        if flops is not None:
            line["flops"] = flops
        print(json.dumps(line))
        sys.stdout.flush()


def assert_neuron(value, gradients):
    """The answers that the lecture gives."""
    from workload import NEURON_GRADIENTS

    assert abs(value - 0.5**0.5) < 1e-12, value
    for found, true in zip(gradients, NEURON_GRADIENTS.values()):
        assert abs(found - true) < 1e-12, gradients
