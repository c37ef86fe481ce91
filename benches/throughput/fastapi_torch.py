"""What gradd is compared with: a FastAPI service over PyTorch, in double precision and on one thread."""

import torch
from fastapi import FastAPI
from fastapi_micrograd import Request

torch.set_num_threads(1)
app = FastAPI()
OPS = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "exp": torch.exp}


@app.post("/v1/gradient")
def gradient(request: Request):
    leaves = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in request.inputs.items()}
    values = dict(leaves)
    for node in request.graph.nodes:
        if node.op == "const":
            values[node.id] = torch.tensor(node.value, dtype=torch.float64)
        elif node.op != "input":
            values[node.id] = OPS[node.op](*(values[name] for name in node.inputs))
    output = values[node.id]
    output.backward()
    return {"outputs": {node.id: output.item()}, "gradients": {k: v.grad.item() for k, v in leaves.items()}}
