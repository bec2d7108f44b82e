"""Where @gpt/tensor means to differ from PyTorch, as data: op, condition, reason, and what it does instead."""

from dataclasses import dataclass
from typing import Callable

import torch


@dataclass
class Difference:
    op: str
    condition: str
    reason: str
    #: What @gpt/tensor does, from the arguments, PyTorch's function and the inputs.
    run: Callable


def sign(args, theirs, x):
    return torch.where(x.isnan(), x.detach(), theirs(args, x))


def cast(args, theirs, x):
    x = x.detach()
    if args["dtype"] == "f32":
        return theirs(args, x)
    limit = 2.0**31
    whole = theirs(args, x.double().nan_to_num(0, limit, -limit).clamp(-limit, limit - 1))
    return whole


class Extreme(torch.autograd.Function):
    """The largest or smallest elements over axes: what is as large, or NaN, shares the gradient; others get none."""

    @staticmethod
    def forward(context, theirs, args, x):
        kept = theirs({**args, "keepDims": True}, x) if args.get("axis") != [] else theirs(args, x)
        context.chosen = (x == kept) | x.isnan()
        context.kept = kept.shape
        return theirs(args, x)

    @staticmethod
    def backward(context, gradient):
        axes = [i for i, (size, kept) in enumerate(zip(context.chosen.shape, context.kept)) if size != kept]
        counts = context.chosen.sum(axes, True) if axes else 1
        return None, None, torch.where(context.chosen, gradient.reshape(context.kept) / counts, 0.0)


def extreme(args, theirs, x):
    return Extreme.apply(theirs, args, x)


def gated(args, theirs, x):
    limits = torch.where(x == torch.inf, x, torch.zeros_like(x))
    return torch.where(x.isinf(), limits, theirs(args, torch.where(x.isinf(), torch.zeros_like(x), x)))


def absolute(args, theirs, x):
    unknown = torch.where(x.isnan(), x, torch.zeros_like(x))
    return torch.where(x == 0, torch.zeros_like(x), torch.where(x.isnan(), unknown * unknown, theirs(args, x)))


def dropout(args, theirs, x):
    kept = theirs(args, torch.ones_like(x)) != 0
    factor = torch.tensor(1 / (1 - args["probability"])).float().to(x.dtype)
    return torch.where(kept, x * factor, torch.zeros_like(x))


def power(args, theirs, *inputs):
    if args.get("side") == "right":
        return theirs(args, *inputs)
    exponent = inputs[-1]
    base = inputs[0] if len(inputs) > 1 else torch.tensor(float(args["number"]))
    settled = torch.where((base == 0) & (exponent >= 0), exponent.detach(), exponent)
    return theirs(args, *inputs[:-1], settled)


def cross_entropy(args, theirs, logits, targets, total=torch.sum):
    flat, wanted = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    kept = wanted != args.get("ignoreIndex", -100)
    losses = torch.zeros_like(flat[:, 0]).masked_scatter(kept, theirs({"reduction": "none"}, flat[kept], wanted[kept]))
    losses = losses + 0.0  # −0 + 0 is 0
    how = args.get("reduction", "mean")
    if how == "none":
        return losses.reshape(targets.shape)
    return total(losses) / max(1, kept.sum().item()) if how == "mean" else total(losses)


differences = [
    Difference("sign", "NaN", "What is NaN stays NaN, as in NumPy; PyTorch gives 0.", sign),
    Difference(
        "cast",
        "to i32: NaN, and numbers beyond it",
        "PyTorch leaves them undefined; here they are 0 and the nearest i32.",
        cast,
    ),
    Difference("cast", "f32 to f32", "A cast has no gradient; PyTorch passes it through.", cast),
    Difference("max", "NaN or infinite gradients", "NaN shares the gradient, and losers get 0, not 0 · ∞.", extreme),
    Difference("min", "NaN or infinite gradients", "As max.", extreme),
    Difference("gelu", "±∞", "The limits: 0 and ∞, with gradients of 0 and 1; PyTorch gives NaN.", gated),
    Difference("silu", "±∞", "As gelu.", gated),
    Difference("abs", "the gradient at NaN and 0", "NaN, not 0 by its sign; and 0, even of an infinite gradient.", absolute),
    Difference(
        "dropout",
        "all",
        "What is dropped is 0 even where it was NaN or ∞; the factor is rounded to float32, so that all backends agree.",
        dropout,
    ),
    Difference("pow", "the gradient to the exponents of 0", "What is masked is 0, even of an infinite gradient.", power),
    Difference(
        "crossEntropy",
        "ignored targets, and losses of 0",
        "Ignored rows take no part, even where they are NaN; the mean of none is 0. A loss of 0 is not −0.",
        cross_entropy,
    ),
]
