"""The work that every peer does, made from the same numbers in every language."""

import json
import pathlib

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"

# The neuron of the micrograd lecture: tanh(x1*w1 + x2*w2 + b).
NEURON = {"x1": 2.0, "x2": 0.0, "w1": -3.0, "w2": 1.0, "b": 6.8813735870195432}
NEURON_GRADIENTS = {"x1": -1.5, "x2": 0.5, "w1": 1.0, "w2": 0.0, "b": 0.5}

WINDOW = 64


class Lcg:
    """Knuth's MMIX generator: state = state * 6364136223846793005 + 1442695040888963407 modulo 2^64, from 1 on.

    A draw is the upper 32 bits of the new state.
    """

    def __init__(self, seed=1):
        self.state = seed

    def draw(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 32

    def uniform(self, limit):
        """In [-limit, limit)."""
        return (self.draw() / 2**31 - 1) * limit


def graph(count):
    """A random graph of `count` nodes, all of which the last one depends on.

    Returns the values of its 64 inputs, which are nodes 0 to 63, and the other nodes as (op, first, second). Node i takes
    node i - 64 as its first operand, so that every node is used. Of 20 nodes 9 add one of the 64 nodes before, 9
    multiply with an input, and 2 are a tanh; with inputs in ±0.8 neither values nor adjoints grow without bound. The
    last 63 nodes add up the 64 nodes before them.
    """
    random = Lcg()
    inputs = [random.uniform(0.8) for _ in range(WINDOW)]
    nodes = []
    tail = count - WINDOW + 1
    for i in range(WINDOW, tail):
        kind = random.draw() % 20
        if kind < 9:
            nodes.append(("add", i - WINDOW, i - 1 - random.draw() % WINDOW))
        elif kind < 18:
            nodes.append(("mul", i - WINDOW, random.draw() % WINDOW))
        else:
            nodes.append(("tanh", i - WINDOW, 0))
    total = tail - WINDOW
    for i in range(tail, count):
        nodes.append(("add", total, i - WINDOW + 1))
        total = i
    return inputs, nodes


SAMPLES = 1_000_000
BATCH_WEIGHTS = (0.7, -0.4, 0.1)


def neuron_batch():
    """Columns x1, x2, y of a million samples: two Weyl sequences in [-1, 1), and x1 - x2 / 2."""
    import numpy as np

    i = np.arange(SAMPLES, dtype=np.float64)
    x1 = 2 * ((i * 0.6180339887498949) % 1) - 1
    x2 = 2 * ((i * 0.7548776662466927) % 1) - 1
    return x1, x2, x1 - x2 / 2


def dense(sizes):
    """(weight [out][in], bias [out]) per layer, uniform in ±1/sqrt(in), weights first, row by row."""
    random = Lcg()
    layers = []
    for width, units in zip(sizes, sizes[1:]):
        limit = width**-0.5
        weight = [[random.uniform(limit) for _ in range(width)] for _ in range(units)]
        layers.append((weight, [random.uniform(limit) for _ in range(units)]))
    return layers


MLP_SIZES = (2, 16, 16, 1)
MLP_LEARNING_RATE = 0.05


def moons():
    """100 rows of two-moons and their targets, -1 or 1."""
    data = json.loads((EXAMPLES / "moons.json").read_text())["data"]
    return data["x"], data["y"]


DIGITS_SIZES = (64, 32, 10)
DIGITS_BATCH = 32
DIGITS_LEARNING_RATE = 0.1
DIGITS_MOMENTUM = 0.9


def digits():
    """All 1797 images with their classes."""
    train = json.loads((EXAMPLES / "digits_train.json").read_text())["data"]
    test = json.loads((EXAMPLES / "digits_test.json").read_text())
    return train["x"] + test["x"], train["y"] + test["y"]


WIDE_SIZES = (784, 512, 512, 10)
WIDE_BATCH = 128
WIDE_LEARNING_RATE = 0.01


def wide_flops():
    """Multiplications and additions of one step's matrix products: forward, weights' adjoints, inputs' adjoints."""
    pairs = list(zip(WIDE_SIZES, WIDE_SIZES[1:]))
    products = 2 * sum(a * b for a, b in pairs) + sum(a * b for a, b in pairs[1:])
    return 2 * WIDE_BATCH * products


SGEMM = 1024
