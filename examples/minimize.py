"""scipy minimises, gradd differentiates: the model is posted once, and each step sends its name and a point.

    pip install requests scipy
    python minimize.py

Needs a running gradd: at $GRADD, or else at http://127.0.0.1:8080. For gradients alone; /v1/train and /v1/fit need no optimizer on
this side.
"""

import os

import numpy as np
import requests
from scipy.optimize import minimize

GRADD = os.environ.get("GRADD", "http://127.0.0.1:8080")


class Model:
    """A function of named numbers that a server has prepared."""

    def __init__(self, definition):
        self.definition = definition
        # One connection for all steps.
        self.session = requests.Session()
        self.prepare()

    def prepare(self):
        described = self.session.post(f"{GRADD}/v1/models", json=self.definition)
        described.raise_for_status()
        self.name, self.inputs = described.json()["model"], described.json()["inputs"]

    def ask(self, path, x, **more):
        request = {"model": self.name, "inputs": dict(zip(self.inputs, x.tolist())), **more}
        answer = self.session.post(GRADD + path, json=request)
        if answer.status_code == 404:
            # Another replica answered, or this one has forgotten the model.
            self.prepare()
            answer = self.session.post(GRADD + path, json=request)
        answer.raise_for_status()
        return answer.json()

    def value_and_gradient(self, x):
        answer = self.ask("/v1/gradient", x)
        (value,) = answer["outputs"].values()
        return value, np.array([answer["gradients"][name] for name in self.inputs])

    def hessian_times(self, x, direction):
        answer = self.ask("/v1/hvp", x, tangents=dict(zip(self.inputs, direction.tolist())))
        return np.array([answer["hvp"][name] for name in self.inputs])


# Rosenbrock's valley in ten dimensions.
rosenbrock = Model({
    "expression": "sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in range(9))",
    "inputs": [f"x[{i}]" for i in range(10)],
})
start = np.full(10, -1.2)
for method, more in (("BFGS", {}), ("trust-ncg", {"hessp": rosenbrock.hessian_times})):
    found = minimize(rosenbrock.value_and_gradient, start, jac=True, method=method, options={"gtol": 1e-8}, **more)
    print(f"{method}: {np.abs(found.x - 1).max():.0e} from the minimum after {found.nit} steps")
    assert np.allclose(found.x, 1, atol=1e-6)
