"""Writes the bodies of `faces` into a directory.

usage: bodies.py DIRECTORY
"""

import json
import random
import sys
from pathlib import Path

directory = Path(sys.argv[1])
POINT = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.8813735870195432}


def write(name, body):
    (directory / name).write_text(json.dumps(body))


def array(x):
    return {"object_type": "array", "shape": [], "dtype": "float64", "data": {"buffer": x, "encoding": "json"}}


def random_graph(inputs, operations):
    """45 % add, 45 % mul, 10 % tanh, operands from the last 64 nodes."""
    generator = random.Random(1)
    nodes = [{"id": f"x{i}", "op": "input"} for i in range(inputs)]
    for i in range(operations):
        op = generator.choices(["add", "mul", "tanh"], [45, 45, 10])[0]
        operands = [generator.choice(nodes[-64:])["id"] for _ in range(1 if op == "tanh" else 2)]
        # Products of sums soon overflow unless they are squashed now and then.
        op = "tanh" if i % 16 == 15 else op
        nodes.append({"id": f"n{i}", "op": op, "inputs": operands[:1] if op == "tanh" else operands})
    return {"nodes": nodes}, nodes[-1]["id"]


graph, output = random_graph(10, 990)
values = {f"x{i}": 0.1 * i - 0.4 for i in range(10)}
write("definition", {"graph": graph, "outputs": [output]})
write("sent", {"graph": graph, "outputs": [output], "inputs": values})
write("prepared", {"model": "@model@", "inputs": values})
write("neuron", {"model": "neuron", "inputs": POINT})
write(
    "umbridge",
    {"name": "neuron", "outWrt": 0, "inWrt": 0, "input": [list(POINT.values())], "sens": [1.0], "config": {}},
)
write("umbridge-expression", {"name": "expression", "outWrt": 0, "inWrt": 0, "input": [list(POINT.values())], "sens": [1.0], "config": {"expression": "tanh(x1*w1 + x2*w2 + b)", "inputs": list(POINT)}})
write(
    "tesseract",
    {
        "inputs": {name: array(x) for name, x in POINT.items()},
        "vjp_inputs": list(POINT),
        "vjp_outputs": ["o"],
        "cotangent_vector": {"o": array(1.0)},
    },
)
