# %% [markdown]
# # Gradients over HTTP, in pictures
#
# A neuron and its slope, a network that learns two-moons, and a curve with its errors. Each `# %%` is a cell in VS Code, Spyder
# and Jupyter (with jupytext); `python notebook.py` runs all of them.
#
# Needs `pip install requests matplotlib numpy` and a running gradd: at $GRADD, or else at http://127.0.0.1:8080.

# %%
import json
import os
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import requests

GRADD = os.environ.get("GRADD", "http://127.0.0.1:8080")
HERE = pathlib.Path(globals().get("__file__", "notebook.py")).parent


def post(path, body):
    """The answer to `body`; a problem is printed as it came."""
    response = requests.post(GRADD + path, json=body)
    assert response.ok, json.dumps(response.json(), indent=2)
    return response.json()


# %% [markdown]
# ## A neuron and its slope
#
# An input may be an array: one request has the output and the derivative at every point of it.

# %%
b = np.linspace(2, 12, 201)
neuron = {"expression": "tanh(x1*w1 + x2*w2 + b)", "inputs": {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": b.tolist()}}
answer = post("/v1/gradient", neuron)

plt.figure()
plt.plot(b, answer["outputs"]["output"], label="output")
plt.plot(b, answer["gradients"]["b"], label="d output / d b")
plt.axvline(6.8813735870195432, color="gray", linewidth=0.5)
plt.xlabel("b")
plt.legend()
plt.show()

# %% [markdown]
# ## A network learns two-moons
#
# The answer has the loss of every step. The trained parameters go back as `mlp.parameters`, and `/v1/evaluate` colours the
# plane with them.

# %%
training = json.loads((HERE / "moons.json").read_text())
trained = post("/v1/train", training)

plt.figure()
plt.semilogy(trained["history"]["step"], np.maximum(trained["history"]["loss"], 1e-6))
plt.xlabel("step")
plt.ylabel("hinge loss, 1e-6 or more")
plt.show()

# %%
x, y = np.meshgrid(np.linspace(-1.5, 2.5, 81), np.linspace(-1, 1.5, 51))
mlp = training["mlp"] | {"parameters": trained["parameters"]}
del mlp["seed"]  # which only says how to draw the parameters to start from
plane = post("/v1/evaluate", {"mlp": mlp, "data": {"x": np.stack([x.ravel(), y.ravel()], axis=1).tolist()}})
points, kinds = np.array(training["data"]["x"]), np.ravel(training["data"]["y"])

plt.figure()
plt.contourf(x, y, np.reshape(plane["outputs"], x.shape), levels=[-1e9, 0, 1e9], colors=["#cfe2f3", "#fce5cd"])
plt.scatter(*points.T, c=kinds, cmap="coolwarm", edgecolors="black", linewidths=0.5)
plt.title(f"accuracy {trained['metrics']['accuracy']:.2f}")
plt.show()

# %% [markdown]
# ## A curve and its errors
#
# NIST's Misra1a. The band is where the curve lies within one standard error: the root of g C g, with the covariance C of the
# answer and the gradient g of the curve by its parameters. For a derivative at each point, each parameter is an array.

# %%
problem = json.loads((HERE / "misra1a.json").read_text())
fit = post("/v1/fit", problem)
for name, value in fit["parameters"].items():
    print(f"{name} = {value:.6g} +- {fit['standard_errors'][name]:.2g}")

t = np.linspace(0, 800, 161)
arrays = {name: [value] * len(t) for name, value in fit["parameters"].items()}
curve = post("/v1/gradient", {"expression": problem["expression"], "inputs": arrays | {"x": t.tolist()}, "wrt": list(arrays)})
(value,) = curve["outputs"].values()
g = np.array([curve["gradients"][name] for name in arrays])
error = np.sqrt(np.einsum("it,ij,jt->t", g, np.array(fit["covariance"]), g))

plt.figure()
plt.fill_between(t, value - error, value + error, alpha=0.3)
plt.plot(t, value)
plt.plot(problem["data"]["x"], problem["data"]["y"], "k.")
plt.xlabel("x")
plt.show()
