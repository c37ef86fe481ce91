"""The requests of the load, each kind with a few bodies, and those that must be refused."""

import json
import math
import random
import struct
from dataclasses import dataclass, field

JSON, CBOR, EVENTS = "application/json", "application/cbor", "text/event-stream"
WATCHED = {"Content-Type": JSON, "Accept": EVENTS}


@dataclass
class Request:
    kind: str
    path: str
    body: bytes
    headers: dict = field(default_factory=lambda: {"Content-Type": JSON, "Accept": JSON})
    method: str = "POST"
    # Seconds between the pieces in which the body is sent; in one piece without.
    slow: float = 0
    # The status that must come, and what must come with it: see `load.essence`.
    status: int = 200
    expected: object = None


def cbor(value):
    """`value` in CBOR."""

    def head(major, number):
        for code, size, form in ((None, 24, ""), (24, 1 << 8, ">B"), (25, 1 << 16, ">H"), (26, 1 << 32, ">I")):
            if number < size:
                first = major << 5 | (number if code is None else code)
                return bytes([first]) + (struct.pack(form, number) if form else b"")

    match value:
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            return head(5, len(value)) + b"".join(cbor(part) for pair in value.items() for part in pair)


def numbers(seed, count):
    chance = random.Random(seed)
    return [chance.uniform(-2, 2) for _ in range(count)]


def rows(seed, count, width):
    flat = numbers(seed, count * width)
    return [flat[i : i + width] for i in range(0, len(flat), width)]


NEURON = {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.8813735870195432}
# The lecture's neuron, and the curve of the README, as they must come out.
NEURON_ANSWER = {
    "outputs": {"output": 0.7071067811865476},
    "gradients": {
        "x1": -1.4999999999999998, "x2": 0.49999999999999994, "w1": 0.9999999999999999, "w2": 0.0,
        "b": 0.49999999999999994,
    },
}  # fmt: skip
DECAY_PARAMETERS = {"a": 2.1119864289692645, "k": 0.5032843697788626}

neuron = {"expression": "tanh(x1*w1 + x2*w2 + b)", "inputs": NEURON}
decay = {
    "expression": "a*exp(-k*t)",
    "target": "y",
    "data": {"t": [0, 1, 2, 3, 4], "y": [2.1, 1.3, 0.8, 0.4, 0.3]},
    "parameters": {"a": 1, "k": 1},
}


def graph(nodes):
    """A chain with a bend at every node."""
    ops = ["tanh", "sin", "neg"]
    chain = [{"id": "n0", "op": "input"}, {"id": "w", "op": "input"}]
    for i in range(1, nodes):
        inner = {"id": f"n{i}", "op": ops[i % 3], "inputs": [f"n{i - 1}"]}
        chain.append(inner if i % 4 else {"id": f"n{i}", "op": "mul", "inputs": [f"n{i - 1}", "w"]})
    return {"graph": {"nodes": chain}, "outputs": [f"n{nodes - 1}"], "inputs": {"n0": 0.7, "w": 1.1}}


def over_samples(count):
    inputs = {"w": 0.3, "b": -0.1, "x": numbers(count, count), "y": numbers(count + 1, count)}
    return {"expression": "h = tanh(w*x + b); (h - y)**2 + 0.01*w**2", "inputs": inputs}


def network(inputs, hidden, outputs, **more):
    layers = [{"units": hidden, "activation": "tanh"}, {"units": outputs}]
    return {"inputs": inputs, "layers": layers, "loss": "mse", "seed": 3, **more}


def gradient(inputs, hidden, outputs, batch, **more):
    data = {"x": rows(1, batch, inputs), "y": rows(2, batch, outputs)}
    return {"mlp": network(inputs, hidden, outputs, **more), "data": data, "sgd": {"learning_rate": 0.1}}


def training(steps, hidden, recipe, **more):
    x = rows(7, 128, 4)
    y = [[math.sin(a + b * c)] for a, b, c, _ in x]
    return {
        "mlp": network(4, hidden, 1), "data": {"x": x, "y": y}, "validation": {"fraction": 0.25},
        "batch_size": 32, "shuffle": True, "seed": 5, "steps": steps, **recipe, **more,
    }  # fmt: skip


ADAM = {"optimizer": {"adam": {"learning_rate": 0.01}}, "schedule": {"cosine": {"t_max": 1_000_000}}}
SGD = {"optimizer": {"sgd": {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}}}
LBFGS = {"optimizer": {"lbfgs": {}}, "batch_size": None, "shuffle": False}


def bodies(kind_and_path, *values, **more):
    return [Request(*kind_and_path, json.dumps(value).encode(), **more) for value in values]


def well_formed():
    """All requests that are asked again and again, short ones first."""
    gradient_path, binary = "/v1/gradient", {"Content-Type": CBOR, "Accept": CBOR}
    wide = (32, 64, 10, 64)
    trainings = training(50, 8, ADAM), training(200, 16, SGD), training(10, 8, LBFGS)
    bell = {"expression": "sin(x)*exp(-x**2)", "inputs": {"x": numbers(5, 500)}}
    outputs = {"mlp": network(8, 16, 2), "data": {"x": rows(6, 100, 8)}}
    stream = training(300, 16, ADAM, checkpoint={"steps": 100})
    mlps = gradient(3, 4, 1, 4), gradient(*wide), gradient(*wide, dtype="f32")
    return [
        *bodies(("neuron", gradient_path), neuron),
        *bodies(("graph", gradient_path), graph(20), graph(500)),
        *bodies(("expression over samples", gradient_path), over_samples(10), over_samples(3000)),
        *bodies(("MLP gradient", gradient_path), *mlps),
        *bodies(("short training", "/v1/train"), *trainings),
        *bodies(("fit", "/v1/fit"), decay),
        *bodies(("evaluate", "/v1/evaluate"), bell, outputs),
        *bodies(("short stream", "/v1/train"), stream, headers=WATCHED),
        *[Request("CBOR", gradient_path, cbor(value), binary) for value in (neuron, over_samples(2000))],
        *bodies(("slow body", gradient_path), over_samples(200), slow=0.2),
    ]


def long_trainings():
    """Runs of some seconds on a quiet core, watched as streams."""
    tell = {"checkpoint": {"seconds": 0.5}}
    runs = training(600_000, 24, ADAM, **tell), training(800_000, 24, SGD, **tell)
    return bodies(("long training", "/v1/train"), *runs, headers=WATCHED)


def large_answer():
    return bodies(("large answer", "/v1/gradient"), over_samples(20_000))[0]


def refused(limit):
    """What is wrong with a request, and the status that tells it."""
    json_of, path = lambda value: json.dumps(value).encode(), "/v1/gradient"
    large = b'{"expression": "x", "inputs": {"x": 1}}' + b" " * (limit * 3 // 2)
    larger = large * 3
    return [
        Request("oversized", path, large, status=413),
        Request("oversized", path, larger, status=413),
        Request("malformed", path, b'{"expression": "a*b", "inp', status=400),
        Request("malformed", path, b"\xff\xfe", status=400),
        Request("malformed", path, json_of(neuron), {"Content-Type": "text/plain"}, status=415),
        Request("malformed", path, json_of(neuron), {"Content-Type": CBOR}, status=400),
        Request("malformed", path, json_of({"expression": "tahn(x)", "inputs": {"x": 1}}), status=422),
        Request("malformed", path, json_of({"expression": "log(x)", "inputs": {"x": -1}}), status=422),
        Request("malformed", path, json_of({"expression": "x", "inputs": {}}), status=422),
        Request("malformed", "/v1/train", json_of(training(10, 8, {"optimizer": {"adan": {}}})), status=422),
        Request("malformed", "/v1/nothing", json_of(neuron), status=404),
        Request("malformed", path, b"", method="DELETE", status=405),
    ]
