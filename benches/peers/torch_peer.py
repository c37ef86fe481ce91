"""PyTorch, eager."""

import torch
from torch import nn

import workload
from measure import Peer, assert_neuron


def neuron(leaves):
    x1, x2, w1, w2, b = leaves
    o = torch.tanh(x1 * w1 + x2 * w2 + b)
    return o, torch.autograd.grad(o, leaves)


def neuron_decomposed(leaves):
    x1, x2, w1, w2, b = leaves
    e = torch.exp(2 * (x1 * w1 + x2 * w2 + b))
    o = (e - 1) / (e + 1)
    return o, torch.autograd.grad(o, leaves)


def graph(inputs, nodes):
    values = inputs[:]
    for op, first, second in nodes:
        if op == "add":
            values.append(values[first] + values[second])
        elif op == "mul":
            values.append(values[first] * values[second])
        else:
            values.append(torch.tanh(values[first]))
    return torch.autograd.grad(values[-1], inputs)


def network(sizes, activation, dtype):
    layers = []
    for width, units in zip(sizes, sizes[1:]):
        layers += [nn.Linear(width, units, dtype=dtype), activation()]
    return nn.Sequential(*layers[:-1])


def load(model, layers):
    with torch.no_grad():
        for linear, (weight, bias) in zip((m for m in model if isinstance(m, nn.Linear)), layers):
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))


def step(model, optimizer, loss_function, x, y):
    optimizer.zero_grad()
    loss = loss_function(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


def wide(peer):
    model = network(workload.WIDE_SIZES, nn.ReLU, torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=workload.WIDE_LEARNING_RATE)
    x = torch.rand(workload.WIDE_BATCH, workload.WIDE_SIZES[0], dtype=torch.float32)
    y = torch.arange(workload.WIDE_BATCH) % workload.WIDE_SIZES[-1]
    loss = nn.CrossEntropyLoss()
    peer.report(peer.threaded("wide_step"), lambda: step(model, optimizer, loss, x, y), "step", flops=workload.wide_flops())


def neurons(peer):
    leaves = [torch.tensor(v, requires_grad=True) for v in workload.NEURON.values()]
    for name, work in (("neuron", neuron), ("neuron_decomposed", neuron_decomposed)):
        value, gradients = work(leaves)
        assert_neuron(value.item(), [g.item() for g in gradients])
        peer.report(name, lambda: work(leaves), "gradient")


def graphs(peer):
    for count in (1_000, 10_000, 100_000):
        inputs, nodes = workload.graph(count)
        inputs = [torch.tensor(x, requires_grad=True) for x in inputs]
        check = sum(g.item() for g in graph(inputs, nodes))
        peer.report(f"graph_{count}", lambda: graph(inputs, nodes), "node", count, check=check)


def neuron_batch(peer):
    x1, x2, y = map(torch.from_numpy, workload.neuron_batch())
    weights = [torch.tensor(w, requires_grad=True) for w in workload.BATCH_WEIGHTS]

    def batch():
        w1, w2, b = weights
        loss = torch.mean((torch.tanh(x1 * w1 + x2 * w2 + b) - y) ** 2)
        return torch.autograd.grad(loss, weights)

    peer.report(peer.threaded("neuron_batch"), batch, "sample", workload.SAMPLES, check=sum(g.item() for g in batch()))


def mlp_step(peer):
    model = network(workload.MLP_SIZES, nn.Tanh, torch.float64)
    load(model, workload.dense(workload.MLP_SIZES))
    optimizer = torch.optim.SGD(model.parameters(), lr=workload.MLP_LEARNING_RATE)
    x, y = map(torch.tensor, workload.moons())
    y = y.to(torch.float64)
    mse = nn.MSELoss()
    check = step(model, optimizer, mse, x, y).item()
    peer.report("mlp_step", lambda: step(model, optimizer, mse, x, y), "step", check=check)


def digits(peer):
    model = network(workload.DIGITS_SIZES, nn.ReLU, torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=workload.DIGITS_LEARNING_RATE, momentum=workload.DIGITS_MOMENTUM)
    images, classes = map(torch.tensor, workload.digits())
    cross_entropy = nn.CrossEntropyLoss()

    def epoch():
        for rows in torch.randperm(len(images)).split(workload.DIGITS_BATCH):
            step(model, optimizer, cross_entropy, images[rows], classes[rows])

    peer.report("digits_epoch", epoch, "epoch")


peer = Peer("PyTorch")
torch.set_num_threads(peer.threads)
torch.set_default_dtype(torch.float64)
alone = {"neuron": neurons, "graph": graphs, "mlp": mlp_step, "digits": digits}
peer.run(alone, threaded={"neuron_batch": neuron_batch, "wide": wide})
