"""The lecture's neuron as a Tesseract, by hand: what its own runtime takes to answer."""

import math

from pydantic import BaseModel
from tesseract_core.runtime import Differentiable, Float64


class InputSchema(BaseModel):
    x1: Differentiable[Float64]
    x2: Differentiable[Float64]
    w1: Differentiable[Float64]
    w2: Differentiable[Float64]
    b: Differentiable[Float64]


class OutputSchema(BaseModel):
    o: Differentiable[Float64]


def apply(inputs: InputSchema) -> OutputSchema:
    return OutputSchema(o=math.tanh(inputs.x1 * inputs.w1 + inputs.x2 * inputs.w2 + inputs.b))


def vector_jacobian_product(inputs, vjp_inputs, vjp_outputs, cotangent_vector):
    o = math.tanh(inputs.x1 * inputs.w1 + inputs.x2 * inputs.w2 + inputs.b)
    slope = (1 - o * o) * float(cotangent_vector["o"])
    inner = {"x1": inputs.w1, "x2": inputs.w2, "w1": inputs.x1, "w2": inputs.x2, "b": 1.0}
    return {name: slope * float(inner[name]) for name in vjp_inputs}


def abstract_eval(abstract_inputs):
    return {"o": {"shape": [], "dtype": "float64"}}
