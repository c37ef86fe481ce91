"""JAX, compiled once; compilation is not counted."""

import os
from functools import partial

from measure import Peer, assert_neuron

peer = Peer("JAX")
# XLA's pool has as many threads as the process may use cores.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: peer.threads])
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp

import workload

jax.config.update("jax_enable_x64", True)

STEPS = 100  # Steps of one compiled loop over MLP steps.


def neuron(x1, x2, w1, w2, b):
    return jnp.tanh(x1 * w1 + x2 * w2 + b)


def neuron_decomposed(x1, x2, w1, w2, b):
    e = jnp.exp(2 * (x1 * w1 + x2 * w2 + b))
    return (e - 1) / (e + 1)


def graph(nodes, inputs):
    values = list(inputs)
    for op, first, second in nodes:
        if op == "add":
            values.append(values[first] + values[second])
        elif op == "mul":
            values.append(values[first] * values[second])
        else:
            values.append(jnp.tanh(values[first]))
    return values[-1]


def forward(activation, layers, x):
    for weight, bias in layers[:-1]:
        x = activation(x @ weight.T + bias)
    weight, bias = layers[-1]
    return x @ weight.T + bias


def mse(layers, x, y):
    return jnp.mean((forward(jnp.tanh, layers, x) - y) ** 2)


def cross_entropy(layers, x, classes):
    z = forward(jax.nn.relu, layers, x)
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, classes[:, None], axis=1)[:, 0])


def descend(loss, rate, layers, x, y):
    value, gradients = jax.value_and_grad(loss)(layers, x, y)
    return jax.tree.map(lambda p, g: p - rate * g, layers, gradients), value


def ready(function, *arguments):
    return lambda: jax.block_until_ready(function(*arguments))


def wide(peer):
    layers = jax.tree.map(jnp.float32, [tuple(map(jnp.array, layer)) for layer in workload.dense(workload.WIDE_SIZES)])
    x = jax.random.uniform(jax.random.key(0), (workload.WIDE_BATCH, workload.WIDE_SIZES[0]), jnp.float32)
    y = jnp.arange(workload.WIDE_BATCH) % workload.WIDE_SIZES[-1]
    step = jax.jit(partial(descend, cross_entropy, jnp.float32(workload.WIDE_LEARNING_RATE)))
    peer.report(peer.threaded("wide_step"), ready(step, layers, x, y), "step", flops=workload.wide_flops())


def digits(peer):
    layers = jax.tree.map(jnp.float64, [tuple(map(jnp.array, layer)) for layer in workload.dense(workload.DIGITS_SIZES)])
    images, classes = map(jnp.array, workload.digits())
    size = workload.DIGITS_BATCH
    whole = len(images) // size * size

    def step(state, rows):
        layers, velocity = state
        gradients = jax.grad(cross_entropy)(layers, images[rows], classes[rows])
        velocity = jax.tree.map(lambda v, g: workload.DIGITS_MOMENTUM * v + g, velocity, gradients)
        layers = jax.tree.map(lambda p, v: p - workload.DIGITS_LEARNING_RATE * v, layers, velocity)
        return (layers, velocity), None

    @jax.jit
    def epoch(state, key):
        key, shuffle = jax.random.split(key)
        order = jax.random.permutation(shuffle, len(images))
        state, _ = jax.lax.scan(step, state, order[:whole].reshape(-1, size))
        state, _ = step(state, order[whole:])
        return state, key

    state = (layers, jax.tree.map(jnp.zeros_like, layers))
    peer.report("digits_epoch", ready(epoch, state, jax.random.key(0)), "epoch")


def neurons(peer):
    point = [jnp.float64(v) for v in workload.NEURON.values()]
    for name, function in (("neuron", neuron), ("neuron_decomposed", neuron_decomposed)):
        compiled = jax.jit(jax.value_and_grad(function, argnums=(0, 1, 2, 3, 4)))
        assert_neuron(*compiled(*point))
        peer.report(name, ready(compiled, *point), "gradient")


def graphs(peer):
    # Compiling takes minutes from 10,000 nodes on.
    count = 1_000
    inputs, nodes = workload.graph(count)
    compiled = jax.jit(jax.grad(partial(graph, nodes)))
    inputs = [jnp.float64(x) for x in inputs]
    peer.report(f"graph_{count}", ready(compiled, inputs), "node", count, check=sum(map(float, compiled(inputs))))


def neuron_batch(peer):
    x1, x2, y = map(jnp.array, workload.neuron_batch())
    weights = [jnp.float64(w) for w in workload.BATCH_WEIGHTS]
    loss = lambda w, x1, x2, y: jnp.mean((jnp.tanh(x1 * w[0] + x2 * w[1] + w[2]) - y) ** 2)
    compiled = jax.jit(jax.grad(loss))
    check = sum(map(float, compiled(weights, x1, x2, y)))
    peer.report(peer.threaded("neuron_batch"), ready(compiled, weights, x1, x2, y), "sample", workload.SAMPLES, check=check)


def mlp_step(peer):
    layers = [tuple(map(jnp.array, layer)) for layer in workload.dense(workload.MLP_SIZES)]
    x, y = (jnp.array(part, dtype=jnp.float64) for part in workload.moons())
    step = partial(descend, mse, workload.MLP_LEARNING_RATE)

    @jax.jit
    def train(layers):
        return jax.lax.scan(lambda layers, _: step(layers, x, y), layers, length=STEPS)

    check = train(layers)[1][0]
    peer.report("mlp_step", ready(train, layers), "step", STEPS, check=check)


alone = {"neuron": neurons, "graph": graphs, "mlp": mlp_step, "digits": digits}
peer.run(alone, threaded={"neuron_batch": neuron_batch, "wide": wide})
