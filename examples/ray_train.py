"""Trains on data too large for one server: each Ray worker holds a part of the rows and asks a replica of its own for their
gradient, the sum over the rows; the driver adds up the sums and makes the step.

    pip install ray numpy
    python ray_train.py moons.json http://127.0.0.1:8080 http://127.0.0.1:8081

The first argument is a request of /v1/train with an `mlp`, `optimizer.sgd` and `epochs`, where each step sees all rows; the
others are replicas, one worker for each. Parameters and gradients travel in each step between driver and workers, rows only
between a worker and its replica, which therefore belong on one machine.
"""

import json
import sys

import msgpack
import numpy as np
import ray
import requests
from requests.adapters import HTTPAdapter, Retry


class Replica:
    """One server. A request has the same answer on any server at any time, so that trying again is safe."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        # Busy, draining, or gone; `Retry-After` is heeded.
        retries = Retry(total=8, backoff_factor=0.2, status_forcelist=[429, 503], allowed_methods=None)
        self.session.mount("http://", HTTPAdapter(max_retries=retries))

    def post(self, path, body):
        """The answer to `body`. MessagePack is read several times faster than JSON where there are many numbers."""
        headers = {"Content-Type": "application/msgpack"}
        response = self.session.post(self.url + path, data=msgpack.packb(body), headers=headers)
        if not response.ok:
            raise RuntimeError(json.dumps(response.json(), indent=2))
        return msgpack.unpackb(response.content)


@ray.remote
class Worker:
    """Every `count`-th row from row `index`. In earnest a worker would read a file of its own."""

    def __init__(self, request, index, count, url):
        # Without what says how to draw the parameters to start from.
        self.mlp = {name: value for name, value in request["mlp"].items() if name not in ("seed", "init")}
        self.data = {name: rows[index::count] for name, rows in request["data"].items()}
        self.replica = Replica(url)

    def gradient(self, parameters):
        """Loss and gradient, summed over the rows, and how many rows these are."""
        mlp = self.mlp | {"parameters": unflat(self.mlp, parameters)}
        answer = self.replica.post("/v1/gradient", {"mlp": mlp, "data": self.data, "reduction": "sum"})
        return answer["loss"], flat(answer["gradients"]), len(self.data["x"])


def flat(layers):
    """Weights and biases of all layers as one vector."""
    return np.concatenate([np.ravel(layer[name]) for layer in layers for name in ("weight", "bias")])


def unflat(mlp, vector):
    """The layers back from the vector; a `weight` is [outputs, inputs]."""
    layers, inputs, start = [], mlp["inputs"], 0
    for units in (layer["units"] for layer in mlp["layers"]):
        weight, bias = np.split(vector[start : start + units * (inputs + 1)], [units * inputs])
        layers.append({"weight": weight.reshape(units, inputs).tolist(), "bias": bias.tolist()})
        start += units * (inputs + 1)
        inputs = units
    return layers


def train(request, urls):
    """The loss before each step, as a mean over all rows, and the trained parameters by layer."""
    mlp, sgd = request["mlp"], request["optimizer"]["sgd"]
    workers = [Worker.remote(request, index, len(urls), url) for index, url in enumerate(urls)]
    # The service draws the parameters to start from.
    parameters = flat(Replica(urls[0]).post("/v1/convert", {"mlp": mlp})["parameters"])
    velocity = np.zeros_like(parameters)
    # For all losses but cross entropy, the mean is one over all outputs of all rows.
    per_row = 1 if mlp["loss"] == "cross_entropy" else mlp["layers"][-1]["units"]
    losses = []
    for _ in range(request["epochs"]):
        shared = ray.put(parameters)
        parts = ray.get([worker.gradient.remote(shared) for worker in workers])
        loss, gradient, rows = (sum(part) for part in zip(*parts))
        losses.append(loss / (rows * per_row))
        velocity = sgd.get("momentum", 0) * velocity + gradient / (rows * per_row)
        parameters = parameters - sgd["learning_rate"] * velocity
    return losses, unflat(mlp, parameters)


def refuse_what_is_not_done(request):
    """Settings that this script would ignore."""
    known = [(request, {"mlp", "data", "optimizer", "epochs"}), (request["data"], {"x", "y"})]
    known += [(request["optimizer"], {"sgd"}), (request["optimizer"].get("sgd", {}), {"learning_rate", "momentum"})]
    known += [(request["mlp"], {"inputs", "layers", "loss", "seed", "dtype", "init", "parameters"})]
    for members, names in known:
        if unknown := sorted(set(members) - names):
            raise SystemExit(f"this script does not know {', '.join(unknown)}; it knows {', '.join(sorted(names))}")


def main():
    path, *urls = sys.argv[1:]
    with open(path) as file:
        request = json.load(file)
    refuse_what_is_not_done(request)
    ray.init(num_cpus=len(urls), include_dashboard=False, logging_level="ERROR")
    losses, parameters = train(request, urls)
    json.dump({"losses": losses, "parameters": parameters}, sys.stdout)


if __name__ == "__main__":
    main()
