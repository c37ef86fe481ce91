"""Compares what other programs compute with gradd's files with what gradd computes; see `run`.

usage: compare.py URL
"""

import base64
import json
import math
import sys
import urllib.request

import numpy
import onnx
import onnxruntime
import safetensors.numpy

URL = sys.argv[1]
TOLERANCE = 1e-12
SAFETENSORS, ONNX = "application/vnd.safetensors", "application/onnx"
ERF = numpy.vectorize(math.erf, otypes=[float])

# Written down again from PyTorch's documentation, for the weights alone.
ACTIVATIONS = {
    "linear": lambda z: z,
    "tanh": numpy.tanh,
    "relu": lambda z: numpy.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + numpy.exp(-z)),
    "leaky_relu": lambda z: numpy.where(z > 0, z, 0.01 * z),
    "elu": lambda z: numpy.where(z > 0, z, numpy.expm1(numpy.minimum(z, 0))),
    "gelu": lambda z: 0.5 * z * (1 + ERF(z / math.sqrt(2))),
    "silu": lambda z: z / (1 + numpy.exp(-z)),
    "softplus": lambda z: numpy.logaddexp(z, 0),
}


def post(path, body, accept="application/json"):
    headers = {"Content-Type": "application/json", "Accept": accept}
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as response:
            assert response.headers["Content-Type"] == accept, response.headers["Content-Type"]
            if accept != "application/json":
                assert "filename" in response.headers["Content-Disposition"]
            return response.read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path}: {error.read().decode()}") from None


def evaluate(mlp, parameters, x):
    answer = post("/v1/evaluate", {"mlp": {**mlp, "parameters": parameters}, "data": {"x": x.tolist()}})
    return numpy.array(json.loads(answer)["outputs"])


def by_onnxruntime(file, x):
    model = onnx.load_from_string(file)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    # One row and all rows: the number of rows is free.
    first = session.run(["y"], {"x": x[:1]})[0]
    y = session.run(["y"], {"x": x})[0]
    assert y.dtype == numpy.float64 and abs(first - y[:1]).max() <= TOLERANCE * max(1, abs(first).max())
    return y, json.loads(model.metadata_props[0].value)


def by_numpy(file, x):
    tensors = safetensors.numpy.load(file)
    length = int.from_bytes(file[:8], "little")
    metadata = json.loads(file[8 : 8 + length])["__metadata__"]
    assert metadata["format"] == "pt"
    mlp = json.loads(metadata["mlp"])
    assert len(tensors) == 2 * len(mlp["layers"])
    if "standardize" in mlp:
        x = (x - mlp["standardize"]["mean"]) / mlp["standardize"]["scale"]
    for i, layer in enumerate(mlp["layers"]):
        weight, bias = tensors[f"layers.{i}.weight"], tensors[f"layers.{i}.bias"]
        assert weight.dtype == bias.dtype == numpy.float64 and weight.shape[0] == layer["units"]
        x = ACTIVATIONS[layer["activation"]](x @ weight.T + bias)
    return x, mlp


class Largest:
    """Differences, relative to 1 or the larger number."""

    def __init__(self):
        self.seen = {}

    def add(self, name, found, expected):
        assert found.shape == expected.shape, (name, found.shape, expected.shape)
        difference = float((abs(found - expected) / numpy.maximum(1, abs(expected))).max())
        assert difference <= TOLERANCE, f"{name}: differs by {difference}"
        self.seen[name] = max(difference, self.seen.get(name, 0.0))


def check(largest, name, mlp, parameters, files, x):
    expected = evaluate(mlp, parameters, x)
    for reader, file in zip((by_numpy, by_onnxruntime), files, strict=True):
        found, described = reader(file, x)
        assert described == mlp, (described, mlp)
        largest.add(f"{name}, {reader.__name__}", found, expected)


def main():
    random = numpy.random.default_rng(7)
    largest = Largest()
    x = random.normal(size=(64, 3))
    y = numpy.stack([numpy.sin(x.sum(axis=1)), x[:, 0] * x[:, 1]], axis=1)
    for name in ACTIVATIONS:
        mlp = {
            "inputs": 3,
            "layers": [
                {"units": 8, "activation": name},
                {"units": 5, "activation": name},
                {"units": 2, "activation": "linear"},
            ],
            "loss": "mse",
        }
        run = {
            "mlp": mlp,
            "data": {"x": x.tolist(), "y": y.tolist()},
            "optimizer": {"adam": {"learning_rate": 0.01}},
            "steps": 100,
        }
        # Trained: files by `Accept`, and within an answer by `format`; the same bytes each time.
        files = [post("/v1/train", run, SAFETENSORS), post("/v1/train", run, ONNX)]
        answer = None
        for format, file in zip(("safetensors", "onnx"), files, strict=True):
            answer = json.loads(post("/v1/train", {**run, "format": format}))
            assert base64.b64decode(answer["file"], validate=True) == file, f"{name}: other bytes as {format}"
        check(largest, name, mlp, answer["parameters"], files, random.normal(size=(500, 3)) * 3)

        # The activation by itself, at its own output, from the middle to far beyond where it is flat.
        single = {"inputs": 1, "layers": [{"units": 1, "activation": name}], "loss": "mse"}
        parameters = [{"weight": [[1.0]], "bias": [0.0]}]
        body = {"mlp": {**single, "parameters": parameters}}
        files = [post("/v1/convert", body, accept) for accept in (SAFETENSORS, ONNX)]
        line = numpy.concatenate([numpy.linspace(-40, 40, 8001), [-700, -1e-9, -0.0, 1e-9, 700, -1e6, 1e6]])
        with numpy.errstate(over="ignore"):
            check(largest, f"{name} alone", single, parameters, files, line[:, None])

        # Back again: what the package wrote from what gradd wrote has the same bits.
        again = base64.b64encode(safetensors.numpy.save(safetensors.numpy.load(files[0]))).decode()
        body = {"mlp": {**single, "parameters": {"safetensors": again}}}
        assert json.loads(post("/v1/convert", body))["parameters"] == parameters

    step = {"mlp": {**mlp, "seed": 3}, "data": run["data"], "sgd": {"learning_rate": 0.1}}
    updated = json.loads(post("/v1/gradient", step))["updated"]
    files = [post("/v1/gradient", step, accept) for accept in (SAFETENSORS, ONNX)]
    check(largest, "a step", mlp, updated, files, x)

    # A model that standardizes its inputs, trained and then with the transform given.
    wide = {**run, "standardize": True, "data": {"x": (x * [100, 1, 0.01] + 50).tolist(), "y": y.tolist()}}
    files = [post("/v1/train", wide, accept) for accept in (SAFETENSORS, ONNX)]
    answer = json.loads(post("/v1/train", wide))
    mlp = {**mlp, "standardize": answer["standardize"]}
    check(largest, "standardized", mlp, answer["parameters"], files, random.normal(size=(500, 3)) * [100, 1, 0.01] + 50)

    for name, difference in largest.seen.items():
        print(f"{difference:.1e}  {name}")
    worst = max(largest.seen, key=largest.seen.get)
    print(f"interchange: {len(largest.seen)} comparisons, the largest difference is {largest.seen[worst]:.1e} ({worst})")


main()
