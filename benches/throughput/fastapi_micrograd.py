"""What gradd is compared with: a FastAPI service whose models are micrograd's."""

import math

from fastapi import FastAPI
from micrograd.engine import Value
from pydantic import BaseModel

app = FastAPI()


class Node(BaseModel):
    id: str
    op: str
    inputs: list[str] = []
    value: float | None = None


class Graph(BaseModel):
    nodes: list[Node]


class Request(BaseModel):
    graph: Graph
    inputs: dict[str, float]


def exp(x: Value) -> Value:
    out = Value(math.exp(x.data), (x,), "exp")

    def backward():
        x.grad += out.data * out.grad

    out._backward = backward
    return out


OPS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "exp": exp,
}


@app.post("/v1/gradient")
def gradient(request: Request):
    values = {}
    for node in request.graph.nodes:
        if node.op == "input":
            values[node.id] = Value(request.inputs[node.id])
        elif node.op == "const":
            values[node.id] = Value(node.value)
        else:
            values[node.id] = OPS[node.op](*(values[name] for name in node.inputs))
    output = values[node.id]
    output.backward()
    return {"outputs": {node.id: output.data}, "gradients": {name: values[name].grad for name in request.inputs}}
