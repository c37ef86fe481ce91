"""numpy, with the derivatives written by hand."""

import sys

import numpy as np
import threadpoolctl

import workload
from measure import Peer


def batch(x1, x2, y, w1, w2, b):
    o = np.tanh(x1 * w1 + x2 * w2 + b)
    error = o - y
    slope = error * (1 - o * o) * (2 / len(y))
    return (slope * x1).sum(), (slope * x2).sum(), slope.sum()


def mlp_step(layers, x, y):
    """One step of gradient descent on the mean squared error; changes `layers` and returns the loss before."""
    inputs = [x]
    for depth, (weight, bias) in enumerate(layers):
        z = inputs[-1] @ weight.T + bias
        inputs.append(z if depth + 1 == len(layers) else np.tanh(z))
    error = inputs.pop() - y
    adjoint = error * (2 / error.size)
    for (weight, bias), below in zip(reversed(layers), reversed(inputs)):
        weight_gradient, bias_gradient = adjoint.T @ below, adjoint.sum(axis=0)
        adjoint = (adjoint @ weight) * (1 - below * below)
        weight -= workload.MLP_LEARNING_RATE * weight_gradient
        bias -= workload.MLP_LEARNING_RATE * bias_gradient
    return np.mean(error * error)


def sgemm(peer):
    random = np.random.default_rng(0)
    a, b = random.random((2, workload.SGEMM, workload.SGEMM), dtype=np.float32)
    peer.report(peer.threaded("sgemm"), lambda: a @ b, "product", flops=2 * workload.SGEMM**3)


def neuron_batch(peer):
    columns = workload.neuron_batch()
    weights = workload.BATCH_WEIGHTS
    peer.report(peer.threaded("neuron_batch"), lambda: batch(*columns, *weights), "sample", workload.SAMPLES, check=sum(batch(*columns, *weights)))


def mlp(peer):
    layers = [(np.array(weight), np.array(bias)) for weight, bias in workload.dense(workload.MLP_SIZES)]
    x, y = (np.array(part, dtype=np.float64) for part in workload.moons())
    check = mlp_step(layers, x, y)
    peer.report("mlp_step", lambda: mlp_step(layers, x, y), "step", check=check)


peer = Peer("numpy")
threadpoolctl.threadpool_limits(peer.threads)
for pool in threadpoolctl.threadpool_info():
    print(f"numpy: {pool.get('internal_api')} {pool.get('version')} {pool.get('architecture')}", file=sys.stderr)
peer.run({"neuron_batch": neuron_batch, "mlp": mlp}, threaded={"sgemm": sgemm})
