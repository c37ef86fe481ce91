"""What the Python client of UM-Bridge gets from a server, against closed forms; see `run`.

usage: client.py URL
"""

import sys

import emcee
import numpy as np
import umbridge

URL = sys.argv[1]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


def refused(words, call):
    try:
        answer = call()
    except Exception as error:
        for word in words:
            assert word in str(error), f"{word!r} is not in {error}"
        return
    raise AssertionError(f"not refused: {answer}")


def check_neuron():
    """A server without any set-up answers every action."""
    model = umbridge.HTTPModel(URL, "expression")
    assert model.get_input_sizes() == [5] and model.get_output_sizes() == [1]
    x1, x2, w1, w2, b = point = [2.0, 0.0, -3.0, 1.0, 6.8813735870195432]
    o = np.tanh(x1 * w1 + x2 * w2 + b)
    slope = 1 - o * o
    direction = np.array([w1, w2, x1, x2, 1.0])
    close(model([point]), [[o]])
    close(model.gradient(0, 0, [point], [1.0]), slope * direction)
    vec = np.array([0.5, -1.0, 2.0, 0.25, -0.125])
    close(model.apply_jacobian(0, 0, [point], vec.tolist()), [slope * direction @ vec])
    bilinear = np.zeros((5, 5))
    for i, j in ((0, 2), (1, 3)):
        bilinear[i, j] = bilinear[j, i] = 1
    hessian = slope * bilinear - 2 * o * slope * np.outer(direction, direction)
    close(model.apply_hessian(0, 0, 0, [point], [3.0], vec.tolist()), 3 * hessian @ vec)


def check_named():
    """A model of the server, with three outputs and a default."""
    assert umbridge.supported_models(URL) == ["expression", "decay"]
    model = umbridge.HTTPModel(URL, "decay")
    assert model.get_input_sizes() == [2] and model.get_output_sizes() == [3]
    a, b = 2.5, 1.3
    t = np.array([0.0, 0.5, 1.0])
    decay = np.exp(-b * t)
    jacobian = np.stack([decay, -a * t * decay], axis=1)
    close(model([[a, b]]), [a * decay])
    sens, vec = np.array([1.0, -2.0, 0.5]), np.array([0.3, -0.7])
    close(model.gradient(0, 0, [[a, b]], sens.tolist()), sens @ jacobian)
    close(model.apply_jacobian(0, 0, [[a, b]], vec.tolist()), jacobian @ vec)
    mixed, twice = sens @ (-t * decay), sens @ (a * t * t * decay)
    hessian = np.array([[0, mixed], [mixed, twice]])
    close(model.apply_hessian(0, 0, 0, [[a, b]], sens.tolist(), vec.tolist()), hessian @ vec)


def check_errors():
    refused(["not supported"], lambda: umbridge.HTTPModel(URL, "nothing"))
    model = umbridge.HTTPModel(URL, "decay")
    refused(["InvalidInput", "3 numbers", "`a`, `b`"], lambda: model([[1.0, 2.0, 3.0]]))
    refused(["InvalidInput", "`sens` has 1 numbers"], lambda: model.gradient(0, 0, [[1.0, 2.0]], [1.0]))
    refused(["InvalidInput", "not 1"], lambda: model.gradient(1, 0, [[1.0, 2.0]], [1.0, 1.0, 1.0]))
    refused(["InvalidOutput", "Infinity"], lambda: model([[1.0, -1e4]]))
    broken = {"expression": "a*exp(-b*t", "inputs": ["a"]}
    refused(["InvalidInput", "column 3"], lambda: umbridge.HTTPModel(URL, "expression")([[1.0]], broken))


def check_sampler():
    """Linear regression with known noise and a flat prior: the posterior is a normal distribution in closed form."""
    generator = np.random.default_rng(7)
    x, sigma = np.linspace(0, 1, 6), 0.2
    y = 1.5 - 0.8 * x + sigma * generator.standard_normal(x.size)
    statements = [f"y{i} = a + b*{value}" for i, value in enumerate(x)]
    config = {"expression": "; ".join(statements), "inputs": ["a", "b"], "outputs": [f"y{i}" for i in range(x.size)]}
    model = umbridge.HTTPModel(URL, "expression")

    def log_posterior(parameters):
        predicted = np.array(model([parameters.tolist()], config)[0])
        return -0.5 * np.sum(((y - predicted) / sigma) ** 2)

    design = np.stack([np.ones_like(x), x], axis=1)
    covariance = np.linalg.inv(design.T @ design) * sigma**2
    mean = covariance @ design.T @ y / sigma**2
    walkers = 16
    start = mean + 0.1 * generator.standard_normal((walkers, 2))
    sampler = emcee.EnsembleSampler(walkers, 2, log_posterior)
    # It draws from numpy's global generator.
    np.random.seed(7)
    sampler.run_mcmc(start, 300)
    draws = sampler.get_chain(discard=50, flat=True)
    error = np.abs(draws.mean(axis=0) - mean) / np.sqrt(np.diag(covariance))
    found = np.cov(draws.T)
    ratio = np.diag(found) / np.diag(covariance)
    correlation = found[0, 1] / np.sqrt(found[0, 0] * found[1, 1])
    known = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    print(f"posterior of {draws.shape[0]} draws: means off by {error.max():.2f} standard deviations, variances by a factor of")
    print(f"{ratio.min():.2f} to {ratio.max():.2f}, correlation {correlation:.2f} where {known:.2f} is known")
    assert error.max() < 0.25 and 0.7 < ratio.min() and ratio.max() < 1.4 and abs(correlation - known) < 0.1


check_neuron()
check_named()
check_errors()
check_sampler()
print("UM-Bridge's client: 4 actions of 2 models right, 6 errors told, a posterior recovered")
