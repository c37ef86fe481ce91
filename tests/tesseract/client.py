"""Derivatives by Tesseract's client against central differences of what it applies.

Arguments: addresses of servers whose Tesseract is the model `wave`, the model `network`, and none.
"""

import sys

import numpy as np
from tesseract_core import Tesseract

WAVE, NETWORK, NONE = sys.argv[1:]
POINT = {"t": np.float64(0.7), "a": np.float64(1.5), "b": np.float64(0.3)}
SAMPLES = {**POINT, "t": np.linspace(0.1, 2.0, 7)}
OUTPUTS = ["wave", "slope", "energy"]
compared = 0


def check(found, expected, what):
    global compared
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == np.float64, f"{what}: {found.dtype}"
    assert found.shape == expected.shape, f"{what}: {found.shape} instead of {expected.shape}"
    assert np.allclose(found, expected, rtol=1e-7, atol=1e-8), f"{what}: {found} instead of {expected}"
    compared += found.size


def difference(tesseract, inputs, name, direction):
    """The derivatives of all outputs when the input moves in a direction: by central differences, extrapolated."""

    def central(step):
        apply = lambda sign: tesseract.apply({**inputs, name: inputs[name] + sign * step * direction})
        above, below = apply(1), apply(-1)
        return {output: (above[output] - below[output]) / (2 * step) for output in OUTPUTS}

    wide, narrow = central(2e-3), central(1e-3)
    return {output: (4 * narrow[output] - wide[output]) / 3 for output in OUTPUTS}


def differentiate(tesseract, inputs):
    names = list(inputs)
    jacobian = tesseract.jacobian(inputs, jac_inputs=names, jac_outputs=OUTPUTS)
    assert set(jacobian) == set(OUTPUTS)
    for name in names:
        shape = np.shape(inputs[name])
        for place in np.ndindex(shape):
            direction = np.zeros(shape)
            direction[place] = 1.0
            moved = difference(tesseract, inputs, name, direction)
            for output in OUTPUTS:
                column = jacobian[output][name][(..., *place)]
                check(column, moved[output], f"d{output}/d{name}{list(place)}")
                block = (*np.shape(moved[output]), *shape)
                assert jacobian[output][name].shape == block, f"d{output}/d{name}: {jacobian[output][name].shape}"

    # Products, with vectors of random numbers, against the Jacobian.
    random = np.random.default_rng(1)
    tangents = {name: random.normal(size=np.shape(inputs[name])) for name in names}
    moved = tesseract.jacobian_vector_product(inputs, jvp_inputs=names, jvp_outputs=OUTPUTS, tangent_vector=tangents)
    for output in OUTPUTS:
        products = [np.tensordot(jacobian[output][name], tangents[name], np.ndim(tangents[name])) for name in names]
        check(moved[output], sum(products), f"jvp of {output}")
    cotangents = {output: random.normal(size=np.shape(moved[output])) for output in OUTPUTS}
    summed = tesseract.vector_jacobian_product(inputs, vjp_inputs=names, vjp_outputs=OUTPUTS, cotangent_vector=cotangents)
    for name in names:
        products = [np.tensordot(cotangents[o], jacobian[o][name], np.ndim(cotangents[o])) for o in OUTPUTS]
        check(summed[name], sum(products), f"vjp of {name}")


def refused(words, call):
    try:
        call()
    except Exception as error:  # Whatever the client makes of it: a person reads the text.
        missing = [word for word in words if word not in str(error)]
        assert not missing, f"{missing} in {type(error).__name__}: {error}"
        return
    raise AssertionError(f"{words} was not refused")


wave = Tesseract.from_url(f"http://{WAVE}")
assert wave.health() == {"status": "ok"}
assert {"apply", "jacobian", "jacobian_vector_product", "vector_jacobian_product"} <= set(wave.available_endpoints)
t, a, b = SAMPLES["t"], SAMPLES["a"], SAMPLES["b"]
check(wave.apply(SAMPLES)["wave"], a * np.exp(-b * t) * np.cos(2.5 * t), "wave")
check(wave.apply({**SAMPLES, "w": 1})["energy"], a**2 + b, "energy, where a default is replaced by a plain number")
for encoding in ["json", "json+base64"]:
    encoded = wave.with_encoding(output_format=encoding)
    for inputs in [POINT, SAMPLES]:
        differentiate(encoded, inputs)
    # The same bits in both.
    for output, array in encoded.apply(SAMPLES).items():
        assert array.tobytes() == wave.apply(SAMPLES)[output].tobytes(), output
differentiate(wave, {name: np.float32(value) for name, value in POINT.items()} | {"t": np.arange(1, 4)})

refused(["json+binref", "accepted"], lambda: wave.with_encoding(output_format="json+binref"))
refused(["inputs", "`b` has no value"], lambda: wave.apply({"t": 1.0, "a": 1.0}))
refused(["inputs.c", "`c`"], lambda: wave.apply({**POINT, "c": 1.0}))
refused(["inputs.t", "shape [1, 2]"], lambda: wave.apply({**POINT, "t": np.ones((1, 2))}))
refused(["complex128", "float64"], lambda: wave.apply({**POINT, "t": np.complex128(1)}))
refused(["jac_outputs.0", "`wav`"], lambda: wave.jacobian(POINT, jac_inputs=["t"], jac_outputs=["wav"]))
refused(
    ["cotangent_vector", "3 numbers"],
    lambda: wave.vector_jacobian_product(
        SAMPLES, vjp_inputs=["t"], vjp_outputs=["wave"], cotangent_vector={"wave": np.ones(3)}
    ),
)
refused(["is Infinity", "non_finite"], lambda: wave.apply({**POINT, "a": 1e308, "b": -10.0, "t": 5.0}))

network = Tesseract.from_url(f"http://{NETWORK}")
rows = np.array([[0.5, -1.0], [2.0, 0.25], [0.0, 0.0]])
outputs = network.apply({"x": rows})["y"]
assert outputs.shape == (3, 1)
# Rows are independent of each other.
check(network.apply({"x": rows[1:2]})["y"], outputs[1:2], "one row")
refused(["inputs.x", "[n, 2]"], lambda: network.apply({"x": np.ones(2)}))
refused(["apply but not jacobian"], lambda: network.jacobian({"x": rows}, jac_inputs=["x"], jac_outputs=["y"]))

refused(["404", "--tesseract"], lambda: Tesseract.from_url(f"http://{NONE}").apply(POINT))
refused(["404", "--tesseract"], lambda: Tesseract.from_url(f"http://{NONE}").health())

print(f"{compared} numbers agree with finite differences and formulas")
