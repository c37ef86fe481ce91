"""The story of README.md with requests: a gradient, a training run that is cut off and goes on, a fit, a problem.

    pip install requests
    python client.py

Needs a running gradd: at $GRADD, or else at http://127.0.0.1:8080.
"""

import json
import os
import pathlib

import requests

GRADD = os.environ.get("GRADD", "http://127.0.0.1:8080")
HERE = pathlib.Path(__file__).parent


class Problem(Exception):
    """What the service answers instead, after RFC 9457. `members` has all of it."""

    def __init__(self, members):
        self.members = members
        fault = members.get("errors", [{}])[0]
        place = f" at {fault['pointer']}" if "pointer" in fault else ""
        super().__init__(f"{members['status']} {members['type']}{place}: {fault.get('detail', members['detail'])}")


def checked(response):
    """The same response, if it is no problem."""
    if response.headers.get("Content-Type") == "application/problem+json":
        raise Problem(response.json())
    response.raise_for_status()
    return response


def post(path, body):
    """The answer to `body`."""
    return checked(requests.post(GRADD + path, json=body)).json()


def events(path, body):
    """The events of a run, each as its name and its data. Leaving the loop hangs up, which stops the run."""
    with checked(requests.post(GRADD + path, json=body, headers={"Accept": "text/event-stream"}, stream=True)) as response:
        for line in response.iter_lines(chunk_size=None):
            field, _, value = line.decode().partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
                if name == "problem":
                    raise Problem(data)
                yield name, data


def main():
    neuron = post("/v1/gradient", json.loads((HERE / "neuron.json").read_text()))
    print(f"output {neuron['outputs']['output']:.6f}")
    for name, derivative in neuron["gradients"].items():
        print(f"d/d{name} {derivative:.6f}")

    # A run of 60 steps is left at its first checkpoint; the state that this holds goes on from there, on any server.
    training = json.loads((HERE / "moons.json").read_text()) | {"epochs": 60, "checkpoint": {"steps": 40}}
    state = next(data["state"] for name, data in events("/v1/train", training) if name == "checkpoint")
    print(f"left at step {state['step']}")
    trained = post("/v1/train", training | {"state": state})
    print(f"at step {trained['steps']}: loss {trained['loss']:.6f}, accuracy {trained['metrics']['accuracy']:.2f}")

    fit = post("/v1/fit", json.loads((HERE / "misra1a.json").read_text()))
    values, errors = fit["parameters"], fit["standard_errors"]
    print(f"b1 = {values['b1']:.4f} +- {errors['b1']:.4f}")
    print(f"b2 = {values['b2']:.8f} +- {errors['b2']:.8f}")

    try:
        answer = post("/v1/gradient", {"expression": "tahn(x)", "inputs": {"x": 1}})
        raise SystemExit(f"there is no tahn, but an answer: {answer}")
    except Problem as problem:
        print(problem)


if __name__ == "__main__":
    main()
