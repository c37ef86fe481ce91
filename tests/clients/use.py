"""Uses the client that openapi-python-client generates: `use.py FOLDER URL`, with the package gradd_client in the folder."""

import math
import sys

sys.path.insert(0, sys.argv[1])

from gradd_client import Client
from gradd_client.api.computations import evaluate, fit, gradient, train
from gradd_client.models import (
    Activation,
    Adam,
    Data,
    EvaluateRequest,
    FitRequest,
    FitResponse,
    GradientRequest,
    Layer,
    Loss,
    Mlp,
    MlpGradient,
    MlpOutputs,
    Optimizer,
    Problem,
    ScalarGradient,
    ScalarOutputs,
    SgdStep,
    TrainRequest,
    TrainResponse,
    Values,
)

client = Client(base_url=sys.argv[2])


def ask(operation, request, kind):
    """The answer, which must be of this type."""
    answer = operation.sync(client=client, body=request)
    assert isinstance(answer, kind), f"{kind.__name__} expected: {answer}"
    return answer


def values(**members):
    return Values.from_dict(members)


def near(found, expected, tolerance=1e-12):
    assert math.isclose(found, expected, rel_tol=tolerance, abs_tol=tolerance), f"{found} is not {expected}"


# The neuron of the lecture.
inputs = {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.8813735870195432}
neuron = {"expression": "tanh(x1*w1 + x2*w2 + b)", "inputs": values(**inputs)}
answer = ask(gradient, GradientRequest(**neuron, sgd=SgdStep(learning_rate=0.1)), ScalarGradient)
near(answer.outputs["output"], math.sqrt(0.5))
for name, derivative in {"x1": -1.5, "x2": 0.5, "w1": 1, "w2": 0, "b": 0.5}.items():
    near(answer.gradients[name], derivative)
    near(answer.updated[name], inputs[name] - 0.1 * derivative)
near(ask(evaluate, EvaluateRequest(**neuron), ScalarOutputs).outputs["output"], math.sqrt(0.5))

# XOR, its targets as numbers and as rows, which must mean the same; and what it learnt, sent back.
x = [[0, 0], [0, 1], [1, 0], [1, 1]]


def xor(targets, **members):
    layers = [Layer(units=8, activation=Activation.TANH), Layer(units=1)]
    return {"mlp": Mlp(inputs=2, layers=layers, loss=Loss.MSE, seed=1, **members), "data": Data(x=x, y=targets)}


optimizer = Optimizer(adam=Adam(learning_rate=0.05))
trained = ask(train, TrainRequest(**xor([0, 1, 1, 0]), optimizer=optimizer, epochs=100), TrainResponse)
by_rows = ask(train, TrainRequest(**xor([[0], [1], [1], [0]]), optimizer=optimizer, epochs=100), TrainResponse)
assert trained.loss == by_rows.loss < 0.01, trained.loss
more = TrainRequest(**xor([0, 1, 1, 0]), optimizer=optimizer, epochs=300, state=trained.state)
gone_on = ask(train, more, TrainResponse)
assert gone_on.steps == 300 and gone_on.loss < 1e-6, gone_on.loss
learnt = xor([0, 1, 1, 0], parameters=gone_on.parameters)
learnt["mlp"].seed = None
assert [round(row[0]) for row in ask(evaluate, EvaluateRequest(**learnt), MlpOutputs).outputs] == [0, 1, 1, 0]
slope = ask(gradient, GradientRequest(**learnt), MlpGradient)
assert len(slope.gradients) == 2 and abs(slope.gradients[1].bias[0]) < 1e-2

# NIST's Misra1a with its certified values.
misra1a = FitRequest(
    expression="b1*(1 - exp(-b2*x))",
    target="y",
    data=values(
        x=[77.6, 114.9, 141.1, 190.8, 239.9, 289, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760],
        y=[10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.4, 75.47, 81.78],
    ),
    parameters=values(b1=500, b2=0.0001),
)
fitted = ask(fit, misra1a, FitResponse)
near(fitted.parameters["b1"], 2.3894212918e02, 1e-8)
near(fitted.parameters["b2"], 5.5015643181e-04, 1e-8)
near(fitted.standard_errors["b1"], 2.7070075241e00, 1e-8)
near(fitted.standard_errors["b2"], 7.2668688436e-06, 1e-8)

# A problem is an answer as well, with a type of its own.
problem = ask(gradient, GradientRequest(expression="tahn(x)", inputs=values(x=1)), Problem)
assert (problem.status, problem.type_) == (422, "/problems/syntax"), problem
(fault,) = problem.errors
assert (fault.pointer, fault.line, fault.column) == ("/expression", 1, 1), fault
print("Python: gradient, evaluation, training, fit and problem, each with its type")
