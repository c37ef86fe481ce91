"""Compares what examples/ray_train.py printed with the answer to the same request in one piece: `compare.py SHARDED WHOLE`."""

import json
import sys

import numpy as np

with open(sys.argv[1]) as sharded, open(sys.argv[2]) as whole:
    sharded, whole = json.load(sharded), json.load(whole)

difference = 0.0
assert whole["history"]["step"] == list(range(1, len(sharded["losses"]) + 1))
pairs = [(sharded["losses"], whole["history"]["loss"])]
assert len(sharded["parameters"]) == len(whole["parameters"])
for ours, theirs in zip(sharded["parameters"], whole["parameters"]):
    pairs += [(ours[name], theirs[name]) for name in ("weight", "bias")]
for ours, theirs in pairs:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)
    difference = max(difference, np.abs(np.subtract(ours, theirs)).max())
first, last = sharded["losses"][0], sharded["losses"][-1]
assert last < first / 2, "which would compare little"
print(f"{len(sharded['losses'])} steps, loss {first:.4f} to {last:.4f}: differences to one run of at most {difference:.1e}")
