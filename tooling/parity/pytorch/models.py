"""The numbers of a whole model: first logits, loss and gradients, steps of AdamW on one batch, the likeliest text."""

import re
from dataclasses import asdict

import torch
from torch import nn

from pytorch.config import Config, expand
from pytorch.gpt import random_model
from pytorch.margins import Margins

OPTIMIZER = dict(learningRate=1e-2, beta1=0.9, beta2=0.95, epsilon=1e-8, weightDecay=0.1, clip=1.0)
STEPS = 10
#: How close a model may come to where float32 could decide otherwise (see `Margins`). To cross the bound of a clamp
#: changes one number of many by little; to take another expert or token changes what follows.
CLEAR = {"router": 1e-3, "clamp": 1e-5, "token": 1e-3}
#: How far float32 may be from float64 in a fixture, well below the tests' bound of 1e-4. Adam scales gradients that
#: are nearly zero, and with them what rounding leaves, up to whole steps.
STABLE = 3e-5


def model_fixture(name, config, seed):
    """The JSON and the tensors of a fixture, the configuration as a `Config` or in the long form."""
    long = expand(config) if isinstance(config, Config) else config
    ids, targets = walk(long["vocabSize"], batch=2, length=13)  # Shorter than the context: some rows get no gradient.
    targets[1, -1] = -100  # Ignored.
    model = random_model(long, seed)
    margins = Margins(model)
    tensors, losses, norms = train(model, ids, targets)
    greedy = write_greedily(model, [1, 2, 3], margins)
    exact, exact_losses, exact_norms = train(random_model(long, seed).double(), ids, targets)
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, gradient norm {max(norms):.2f} to {min(norms):.2f}")
    print("  deviations of float32 from float64:")
    found = deviations(long, tensors, exact)
    for part, values, exact_values in (("losses", losses, exact_losses), ("norms", norms, exact_norms)):
        found[part] = max((abs(a - b) / b, f"step {step}") for step, (a, b) in enumerate(zip(values, exact_values), 1))
    for part, (worst, where) in found.items():
        print(f"    {part}: {worst:.1e} at {where}")
    print(f"  smallest margins: {margins}")
    unclear = [decision for decision, distance in margins.smallest.items() if not distance >= CLEAR[decision]]
    unclear += [part for part, (worst, _) in found.items() if not worst <= STABLE]
    if unclear:
        raise SystemExit(f"{name}: take another seed, too much depends on rounding: {', '.join(unclear)}")
    fixture = {
        "config": without_none(asdict(config)) if isinstance(config, Config) else config,
        "optimizer": OPTIMIZER,
        "ids": ids.tolist(),
        "targets": targets.tolist(),
        "losses": losses,
        "gradientNorms": norms,
        "greedy": greedy,
    }
    return fixture, tensors


def without_none(settings):
    return {name: value for name, value in settings.items() if value is not None}


def walk(vocab_size, batch, length):
    """Sequences in which each token follows from the one before it, so that there is something to learn."""
    rows = [[first] for first in range(1, batch + 1)]
    for row in rows:
        while len(row) < length + 1:
            row.append((5 * row[-1] + 3) % vocab_size)
    tokens = torch.tensor(rows)
    return tokens[:, :-1], tokens[:, 1:].clone()


def train(model, ids, targets):
    """The numbers of a run in the dtype of the model."""
    initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    groups = {OPTIMIZER["weightDecay"]: [], 0: []}
    for name, parameter in model.named_parameters():
        groups[OPTIMIZER["weightDecay"] if is_decayed(name, parameter) else 0].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": parameters, "weight_decay": decay} for decay, parameters in groups.items()],
        lr=OPTIMIZER["learningRate"],
        betas=(OPTIMIZER["beta1"], OPTIMIZER["beta2"]),
        eps=OPTIMIZER["epsilon"],
    )
    logits = model(ids).detach()
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = model.loss(ids, targets)
        loss.backward()
        if step == 0:
            gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["clip"]).item())
        optimizer.step()
        losses.append(loss.item())
    trained = {name: parameter.detach() for name, parameter in model.named_parameters()}
    tensors = {"logits": logits}
    for part, values in (("weights", initial), ("gradients", gradients), ("trained", trained)):
        tensors.update({f"{part}.{name}": value for name, value in values.items()})
    return tensors, losses, norms


def is_decayed(name, parameter):
    """Weights of layers and embeddings are. Biases are not, though those of experts have two axes."""
    return parameter.dim() >= 2 and not name.endswith(".bias")


def write_greedily(model, prompt, margins):
    """The likeliest tokens after a prompt, up to the context length, and the logarithms of their probabilities."""
    ids, log_probabilities = list(prompt), []
    while len(ids) < model.config["contextLength"]:
        with torch.no_grad():
            scores = model(torch.tensor([ids]))[0, -1].log_softmax(0)
        ids.append(scores.argmax().item())
        log_probabilities.append(scores.max().item())
        first, second = scores.topk(2).values
        margins.add("token", first - second)
    return {"prompt": prompt, "ids": ids[len(prompt) :], "logProbabilities": log_probabilities}


def deviations(config, tensors, exact):
    """The largest relative deviations from the exact numbers, with the names of the tensors."""
    tensors, exact = ({**values, **changes(values)} for values in (tensors, exact))
    found = {}
    for name, value in tensors.items():
        a, b = (without_key_bias(config, name, x) for x in (value, exact[name]))
        part = name.split(".")[0]
        found.setdefault(part, []).append((((a.double() - b).norm() / b.norm()).item(), name))
    return {part: max(values) for part, values in found.items() if part != "weights"}


def changes(tensors):
    """What training added to each weight."""
    names = [name.removeprefix("trained.") for name in tensors if name.startswith("trained.")]
    return {f"changes.{name}": tensors[f"trained.{name}"] - tensors[f"weights.{name}"] for name in names}


def without_key_bias(config, name, value):
    """Leaves out a key bias that adds the same to all scores of a query: softmax cancels it, its true gradient is zero,
    and what Adam makes of the rest is noise. It does so unless what follows depends on the position, the norm of the
    key, or a score that the key has no part in."""
    match = re.search(r"blocks\.(\d+)\.attention\.qkv\.bias$", name)
    attention = config["blocks"][int(match[1])]["attention"] if match else {}
    if not match or attention.get("rotary") or attention.get("headNorm") or attention.get("sinks"):
        return value
    sizes = [attention[heads] * attention["headDim"] for heads in ("heads", "kvHeads", "kvHeads")]
    q, _, v = value.split(sizes)
    return torch.cat([q, v])
