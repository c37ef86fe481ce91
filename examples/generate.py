"""Writes the request bodies and data sets of this folder, byte for byte the same each time.

    pip install -r requirements.txt && python generate.py
"""

import json
import pathlib

import numpy as np
from sklearn import datasets

HERE = pathlib.Path(__file__).parent

# The lecture's numbers. The bias is kept as text, since Python would print 6.881373587019543.
LECTURE = '{"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.8813735870195432}'


def plain(number):
    """A number without a useless `.0`."""
    number = float(number)
    return int(number) if number.is_integer() else number


def rows(matrix):
    """One row of the matrix per line."""
    return "[\n      " + ",\n      ".join(json.dumps([plain(x) for x in row]) for row in matrix) + "\n    ]"


def flat(numbers):
    return json.dumps([plain(x) for x in numbers])


def write(name, text):
    json.loads(text)
    (HERE / name).write_text(text + "\n")


def neuron():
    write("neuron.json", f'{{\n  "expression": "tanh(x1*w1 + x2*w2 + b)",\n  "inputs": {LECTURE}\n}}')
    write(
        "neuron_decomposed.json",
        '{\n  "expression": "n = x1*w1 + x2*w2 + b; e = exp(2*n); o = (e - 1)/(e + 1)",\n' f'  "inputs": {LECTURE}\n}}',
    )
    nodes = [{"id": name, "op": "input"} for name in ("x1", "x2", "w1", "w2", "b")]
    nodes += [
        {"id": "x1w1", "op": "mul", "inputs": ["x1", "w1"], "label": "x1*w1"},
        {"id": "x2w2", "op": "mul", "inputs": ["x2", "w2"], "label": "x2*w2"},
        {"id": "x1w1x2w2", "op": "add", "inputs": ["x1w1", "x2w2"], "label": "x1*w1 + x2*w2"},
        {"id": "n", "op": "add", "inputs": ["x1w1x2w2", "b"]},
        {"id": "o", "op": "tanh", "inputs": ["n"]},
    ]
    lines = ",\n      ".join(map(json.dumps, nodes))
    write(
        "neuron_graph.json",
        f'{{\n  "graph": {{\n    "nodes": [\n      {lines}\n    ]\n  }},\n  "outputs": ["o"],\n  "inputs": {LECTURE}\n}}',
    )


def mlp_request(mlp, x, y, settings):
    return f'{{\n  "mlp": {json.dumps(mlp)},\n  "data": {{\n    "x": {x},\n    "y": {y}\n  }},\n  {settings}\n}}'


def mlp_step():
    """The lecture's four examples and its network, one step."""
    tanh = lambda units: {"units": units, "activation": "tanh"}
    mlp = {"inputs": 3, "layers": [tanh(4), tanh(4), tanh(1)], "loss": "mse", "seed": 1}
    x = [[2, 3, -1], [3, -1, 0.5], [0.5, 1, 1], [1, 1, -1]]
    y = [[1], [-1], [-1], [1]]
    write("mlp_step.json", mlp_request(mlp, rows(x), json.dumps(y), '"sgd": {"learning_rate": 0.05}'))


def moons():
    x, y = datasets.make_moons(n_samples=100, noise=0.1, random_state=1)
    tanh = {"units": 16, "activation": "tanh"}
    mlp = {"inputs": 2, "layers": [tanh, tanh, {"units": 1}], "loss": "hinge", "seed": 1}
    settings = '"optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}},\n  "epochs": 200'
    write("moons.json", mlp_request(mlp, rows(x.round(4)), json.dumps([[int(2 * t - 1)] for t in y]), settings))


def iris():
    data = datasets.load_iris()
    lines = ["sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm,species"]
    for row, target in zip(data.data, data.target):
        lines.append(",".join(f"{x:.1f}" for x in row) + f",{data.target_names[target]}")
    (HERE / "iris.csv").write_text("\n".join(lines) + "\n")

    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    mlp = {"inputs": 4, "layers": [{"units": 16, "activation": "tanh"}, {"units": 3}], "loss": "cross_entropy", "seed": 1}
    settings = (
        '"optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}},\n'
        '  "epochs": 100,\n  "batch_size": 32,\n  "shuffle": true,\n  "seed": 0'
    )
    write("iris_train.json", mlp_request(mlp, rows(x.round(4)), flat(data.target), settings))


def digits():
    data = datasets.load_digits()
    x = data.data / 16
    mlp = {"inputs": 64, "layers": [{"units": 32, "activation": "relu"}, {"units": 10}], "loss": "cross_entropy", "seed": 1}
    settings = (
        '"optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}},\n'
        '  "epochs": 20,\n  "batch_size": 32,\n  "shuffle": true,\n  "seed": 0'
    )
    compact = lambda part: rows(part).replace(", ", ",").replace("\n      ", "\n")
    write("digits_train.json", mlp_request(mlp, compact(x[:1437]), flat(data.target[:1437]), settings))
    write("digits_test.json", f'{{\n  "x": {compact(x[1437:])},\n  "y": {flat(data.target[1437:])}\n}}')


def digits_csv():
    """All images with whole pixels, as a CSV within the request; a fifth of the rows is held back."""
    data = datasets.load_digits()
    lines = [",".join([f"pixel{i}" for i in range(64)] + ["digit"])]
    lines += [",".join(str(int(x)) for x in [*row, target]) for row, target in zip(data.data, data.target)]
    mlp = {"inputs": 64, "layers": [{"units": 256, "activation": "relu"}, {"units": 10}], "loss": "cross_entropy", "seed": 1}
    csv = json.dumps("\n".join(lines) + "\n")
    settings = (
        '"validation": {"fraction": 0.2},\n'
        '  "optimizer": {"adamw": {"learning_rate": 0.005, "weight_decay": 0.1}},\n'
        '  "schedule": {"one_cycle": {"max_lr": 0.005, "total_steps": 1350}},\n'
        '  "epochs": 30,\n  "batch_size": 32,\n  "shuffle": true,\n  "seed": 1'
    )
    write("digits.json", f'{{\n  "mlp": {json.dumps(mlp)},\n  "data": {{"target": "digit", "csv": {csv}}},\n  {settings}\n}}')


def decay():
    """2.31 exp(-0.52 t) with noise of standard deviation 0.02."""
    t = np.arange(21) / 2
    noise = np.random.Generator(np.random.PCG64(0)).normal(0, 0.02, t.size)
    y = (2.31 * np.exp(-0.52 * t) + noise).round(4)
    write(
        "decay.json",
        '{\n  "expression": "(a*exp(-b*t) - y)^2",\n  "parameters": {"a": 1, "b": 0.1},\n'
        f'  "data": {{\n    "t": {flat(t)},\n    "y": {flat(y)}\n  }},\n'
        '  "optimizer": {"sgd": {"learning_rate": 0.002, "momentum": 0.9}},\n  "steps": 2000\n}',
    )


def misra1a():
    """NIST's data set of this name with the first of its two starts."""
    text = (HERE.parent / "tests/fixtures/nist-strd/Misra1a.dat").read_text()
    y, x = np.array([line.split() for line in text.rsplit("Data:")[-1].splitlines()[1:]], dtype=float).T
    write(
        "misra1a.json",
        '{\n  "expression": "b1*(1 - exp(-b2*x))",\n  "target": "y",\n'
        f'  "data": {{\n    "x": {flat(x)},\n    "y": {flat(y)}\n  }},\n'
        '  "parameters": {"b1": 500, "b2": 0.0001}\n}',
    )


if __name__ == "__main__":
    for make in (neuron, mlp_step, moons, iris, digits, digits_csv, decay, misra1a):
        make()
