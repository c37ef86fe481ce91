"""Reads the JSON lines of all peers and prints one Markdown table; what is missing stands as —.

    python table.py LINES.jsonl...

A cell is the median over all rounds, and in brackets how many times gradd's it is. Peers must agree on the `check` of a
case.
"""

import collections
import json
import statistics
import sys

PEERS = ["gradd", "micrograd", "PyTorch", "JAX", "numpy", "scikit-learn"]
CASES = {
    "neuron": "neuron: value and 5 gradients",
    "neuron_from_scratch": "the same, building the graph each time",
    "neuron_decomposed": "neuron by exp: value and 5 gradients",
    "graph_1000": "random graph of 1,000 nodes",
    "graph_1000_from_scratch": "the same, building the graph each time",
    "graph_10000": "random graph of 10,000 nodes",
    "graph_10000_from_scratch": "the same, building the graph each time",
    "graph_100000": "random graph of 100,000 nodes",
    "graph_100000_from_scratch": "the same, building the graph each time",
    "json_10000": "JSON graph of 10,000 nodes: bytes to the answer",
    "json_100000": "JSON graph of 100,000 nodes",
    "json_1000000": "JSON graph of 1,000,000 nodes",
    "neuron_batch_1_thread": "neuron over 1,000,000 samples: gradient of the mean squared error, 1 thread",
    "neuron_batch_2_threads": "the same, 2 threads",
    "mlp_step": "MLP 2-16-16-1, 100 samples, f64: SGD step",
    "digits_epoch": "MLP 64-32-10, 1797 digits, batches of 32, f64: epoch",
    "wide_step_1_thread": "MLP 784-512-512-10, batch of 128, f32, 1 thread: SGD step",
    "wide_step_2_threads": "the same, 2 threads",
    "sgemm_1_thread": "product of two 1024 by 1024 f32 matrices, 1 thread",
    "sgemm_2_threads": "the same, 2 threads",
}
# These build the graph anew each time, so that their one number stands for both cases.
EAGER = ["micrograd", "PyTorch"]
UNITS = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (0, "ns")]


def read(paths):
    """{case: {peer: [line of each round]}}"""
    cases = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in paths:
        with open(path) as lines:
            for line in filter(str.strip, lines):
                measured = json.loads(line)
                cases[measured["case"]][measured["peer"]].append(measured)
    return cases


def disagreements(cases):
    for case, peers in cases.items():
        checks = [(line["check"], peer) for peer, lines in peers.items() for line in lines if "check" in line]
        if checks and max(checks)[0] - min(checks)[0] > 1e-9 * max(1, abs(checks[0][0])):
            yield f"{case}: {checks}"


def time(nanoseconds):
    size, unit = next((size, unit) for size, unit in UNITS if nanoseconds >= size)
    return f"{nanoseconds / (size or 1):.3g} {unit}"


def ratio(times):
    return f"{times:,.0f}" if times >= 100 else f"{times:.2g}"


def cell(lines, own):
    if not lines:
        return "—"
    median = statistics.median(line["median_ns"] for line in lines)
    text = time(median)
    if "flops" in lines[0]:
        text += f", {lines[0]['flops'] / median:.0f} GFLOP/s"
    if own and lines[0]["peer"] != "gradd":
        text += f" ({ratio(median / own)}×)"
    return text


def main():
    cases = read(sys.argv[1:])
    print("| case | per | " + " | ".join(PEERS) + " |")
    print("|---|---|" + "---:|" * len(PEERS))
    for case in [*CASES, *(case for case in cases if case not in CASES)]:
        peers = dict(cases.get(case, {}))
        if case.endswith("_from_scratch") and "gradd" in peers:
            eager = cases[case.removesuffix("_from_scratch")]
            peers |= {peer: eager[peer] for peer in EAGER if peer in eager}
        if not peers:
            continue
        unit = next(iter(peers.values()))[0]["unit"]
        own = statistics.median(line["median_ns"] for line in peers["gradd"]) if "gradd" in peers else None
        cells = [cell(peers.get(peer), own) for peer in PEERS]
        print(f"| {CASES.get(case, case)} | {unit} | " + " | ".join(cells) + " |")
    wrong = list(disagreements(cases))
    if wrong:
        sys.exit("The peers disagree on what they computed:\n" + "\n".join(wrong))


main()
