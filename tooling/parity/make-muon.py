"""Six steps of Muon in float64, AdamW's parameters by torch.optim.AdamW: makes fixtures/muon.json again.

    python3 make-muon.py

Written from Jordan et al. 2024 (the steps and their coefficients, Nesterov's momentum), the documentation of
torch.optim.Muon (decoupled decay, adjust_lr_fn "match_rms_adamw" of Liu et al. 2025), and nothing else. Values and gradients
are functions of the index, so that the fixture holds results alone.
"""

import json
from pathlib import Path

import torch

OUT = Path(__file__).parent / "fixtures" / "muon.json"
STEPS = 6
OPTIONS = {"learningRate": 0.02, "momentum": 0.9, "adamwRate": 0.5, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-8, "weightDecay": 0.3}
#: Shapes, and the rows of each matrix; no rows where AdamW changes the parameter. Gradients may be huge or tiny.
PARAMETERS = {
    "embedding": ([5, 4], None, 1),
    "square": ([6, 6], [6], 1),
    "qkv.0": ([12, 4], [4, 4, 4], 1e25),
    "qkv.1": ([12, 4], [4, 4, 4], 1e-25),
    "groupedQueries.0": ([12, 8], [8, 2, 2], 1),
    "groupedQueries.1": ([12, 8], [8, 2, 2], 1),
    "tall": ([9, 2], [9], 1),
    "wide": ([3, 10], [3], 1),
    "experts": ([3, 8, 5], [4, 4], 1),
    "unused": ([3, 3], [3], 0),
    "gain": ([4], None, 1),
}


def values(shape, of, step):
    """Numbers of float32 by index, those of an op that both sides have to the last bit."""
    size = torch.Size(shape).numel()
    index = torch.arange(size, dtype=torch.float64)
    return ((index * 7919 + of * 104729 + step * 1299709) % 2003 / 1001.5 - 1).float().double().reshape(shape)


def orthogonal(x):
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    largest = x.abs().max()
    x = x / largest if largest > 0 else x
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def steps(name, of):
    shape, rows, scale = PARAMETERS[name]
    weight = values(shape, of, 0)
    rate, decay, beta = OPTIONS["learningRate"], OPTIONS["weightDecay"], OPTIONS["momentum"]
    gradients = [(values(shape, of, step) * scale).float().double() for step in range(1, STEPS + 1)]
    if rows is None:
        parameter = torch.nn.Parameter(weight)
        optimizer = torch.optim.AdamW(
            [parameter], lr=rate * OPTIONS["adamwRate"], betas=(OPTIONS["beta1"], OPTIONS["beta2"]), eps=OPTIONS["epsilon"],
            weight_decay=decay if len(shape) > 1 else 0,
        )
        for parameter.grad in gradients:
            optimizer.step()
        return parameter.detach()
    moment = torch.zeros_like(weight)
    for gradient in gradients:
        moment = beta * moment + (1 - beta) * gradient
        direction = (1 - beta) * gradient + beta * moment
        weight = weight * (1 - rate * decay)
        for matrix, change in zip(weight.reshape(-1, *shape[-2:]), direction.reshape(-1, *shape[-2:])):
            for part, by in zip(matrix.split(rows), change.split(rows)):
                part -= rate * 0.2 * max(part.shape) ** 0.5 * orthogonal(by)
    return weight


def main():
    results = [
        {"name": name, "shape": shape, "rows": rows, "scale": scale, "after": steps(name, of).flatten().tolist()}
        for of, (name, (shape, rows, scale)) in enumerate(PARAMETERS.items())
    ]
    OUT.write_text(json.dumps({"steps": STEPS, "options": OPTIONS, "parameters": results}) + "\n")


main()
