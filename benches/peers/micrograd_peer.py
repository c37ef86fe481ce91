"""micrograd, with tanh and exp added as in the lecture."""

import math
import sys
import threading

from micrograd.engine import Value

import workload
from measure import Peer, assert_neuron


def tanh(self):
    t = math.tanh(self.data)
    out = Value(t, (self,), "tanh")

    def _backward():
        self.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


def exp(self):
    out = Value(math.exp(self.data), (self,), "exp")

    def _backward():
        self.grad += out.data * out.grad

    out._backward = _backward
    return out


Value.tanh = tanh
Value.exp = exp


def neuron():
    leaves = [Value(v) for v in workload.NEURON.values()]
    x1, x2, w1, w2, b = leaves
    o = (x1 * w1 + x2 * w2 + b).tanh()
    o.backward()
    return o.data, [v.grad for v in leaves]


def neuron_decomposed():
    leaves = [Value(v) for v in workload.NEURON.values()]
    x1, x2, w1, w2, b = leaves
    n = x1 * w1 + x2 * w2 + b
    e = (2 * n).exp()
    o = (e - 1) / (e + 1)
    o.backward()
    return o.data, [v.grad for v in leaves]


def graph(inputs, nodes):
    values = [Value(x) for x in inputs]
    leaves = values[:]
    for op, first, second in nodes:
        if op == "add":
            values.append(values[first] + values[second])
        elif op == "mul":
            values.append(values[first] * values[second])
        else:
            values.append(values[first].tanh())
    values[-1].backward()
    return sum(v.grad for v in leaves)


def mlp_step(layers, xs, ys):
    """Builds the graph of 100 samples, as micrograd does, and moves the parameters."""
    loss = Value(0.0)
    for x, (y,) in zip(xs, ys):
        for depth, (weight, bias) in enumerate(layers):
            sums = [sum((w * v for w, v in zip(row, x)), b) for row, b in zip(weight, bias)]
            x = sums if depth + 1 == len(layers) else [s.tanh() for s in sums]
        loss = loss + (x[0] - y) ** 2
    loss = loss * (1 / len(xs))
    parameters = [p for weight, bias in layers for p in [*(w for row in weight for w in row), *bias]]
    for p in parameters:
        p.grad = 0.0
    loss.backward()
    for p in parameters:
        p.data -= workload.MLP_LEARNING_RATE * p.grad
    return loss.data


def neurons(peer):
    assert_neuron(*neuron())
    assert_neuron(*neuron_decomposed())
    peer.report("neuron", neuron, "gradient")
    peer.report("neuron_decomposed", neuron_decomposed, "gradient")


def graphs(peer):
    for count in (1_000, 10_000):
        inputs, nodes = workload.graph(count)
        peer.report(f"graph_{count}", lambda: graph(inputs, nodes), "node", count, check=graph(inputs, nodes))


def mlp(peer):
    layers = [([[Value(w) for w in row] for row in weight], [Value(b) for b in bias]) for weight, bias in workload.dense(workload.MLP_SIZES)]
    xs, ys = workload.moons()
    check = mlp_step(layers, xs, ys)
    peer.report("mlp_step", lambda: mlp_step(layers, xs, ys), "step", check=check)


# micrograd sorts the graph by recursion.
sys.setrecursionlimit(1_000_000)
threading.stack_size(512 * 1024 * 1024)
groups = {"neuron": neurons, "graph": graphs, "mlp": mlp}
thread = threading.Thread(target=lambda: Peer("micrograd").run(groups))
thread.start()
thread.join()
