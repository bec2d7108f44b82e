"""The ops of @gpt/tensor in PyTorch, under their names there: each takes the arguments of a step and its inputs."""

import math
from dataclasses import dataclass, replace
from typing import Callable, Optional

import numpy
import torch
from torch.nn import functional as F

from .differences import cross_entropy as cross_entropy_with_ignored
from .differences import differences

#: An op that only moves, chooses or negates numbers: it rounds nothing.
EXACT = "exact"
#: An op whose results may be off by a rounding.
ROUNDED = "rounded"
#: An op that computes from inputs in many steps: it may be off by as much as if each input were off by a rounding.
ACCUMULATED = "accumulated"
#: The same, and what becomes of an infinite gradient depends on the order of the steps, which take ∞ from ∞.
NORMALIZED = "normalized"


@dataclass
class Op:
    run: Callable
    rounding: str = ROUNDED
    #: The same in the steps in which float32 computes it, with a function that puts an error into each step's result.
    steps: Optional[Callable] = None


def to_float32(x):
    return x.float().double()


def number(value):
    """A number of a program, as float32 has it. JSON has no NaN, ∞ and −0: they come as strings."""
    return float(numpy.float32(float(value)))


def operands(args, inputs):
    """Both operands: `number` takes the place of the one that `side` names."""
    if "number" not in args:
        return inputs
    scalar = torch.tensor(number(args["number"]), dtype=inputs[0].dtype)
    return (scalar, inputs[0]) if args["side"] == "left" else (inputs[0], scalar)


def binary(fn):
    return lambda args, *inputs: fn(*operands(args, inputs))


def unary(fn):
    return lambda args, x: fn(x)


def where(args, condition, *inputs):
    rest = list(inputs)
    a, b = (torch.tensor(number(args[name]), dtype=condition.dtype) if name in args else rest.pop(0) for name in "ab")
    return torch.where(condition != 0, a, b)


def reduction(fn):
    def run(args, x):
        axes = args.get("axis", list(range(x.dim())))
        # PyTorch takes no axes for all of them.
        return fn(x, axes, args.get("keepDims", False)) if axes else fn(x.unsqueeze(0), [0], False)

    return run


def narrow(args, x):
    axis, length = args["axis"], x.shape[args["axis"]]
    start = args["start"] % length if args["start"] < 0 else args["start"]
    end = args.get("end", length)
    return x.narrow(axis, start, (end + length if end < 0 else end) - start)


def part_of_split(args, x):
    """PyTorch refuses to change one of several views in place."""
    sizes, axis, part = args["sizes"], args["axis"], args["part"]
    start = part * sizes if isinstance(sizes, int) else sum(sizes[:part])
    length = min(sizes, x.shape[axis] - start) if isinstance(sizes, int) else sizes[part]
    return x.narrow(axis, start, length)


class Known(torch.autograd.Function):
    """A tensor that is arbitrary, and its gradient, where it is not known."""

    @staticmethod
    def forward(context, off, known, x):
        context.off = off
        context.save_for_backward(known)
        return torch.where(known, x, off.arbitrary)

    @staticmethod
    def backward(context, gradient):
        [known] = context.saved_tensors
        return None, None, torch.where(known, gradient, context.off.arbitrary)


def product(off, a, b):
    """
    A matrix product, off by a rounding of the sum of its products' sizes; arbitrary where a float32 sum of them may leave the
    range of float32 on the way.
    """
    sizes = a.abs() @ b.abs()
    return torch.where(sizes < torch.finfo(torch.float32).max, a @ b + off.error(sizes) * 2.0**-24, off.arbitrary)


class Product(torch.autograd.Function):
    @staticmethod
    def forward(context, off, a, b):
        context.off = off
        context.save_for_backward(a, b)
        return product(off, a, b)

    @staticmethod
    def backward(context, gradient):
        a, b = context.saved_tensors
        to_a = product(context.off, gradient, b.transpose(-2, -1))
        to_b = product(context.off, a.transpose(-2, -1), gradient)
        return None, to_a.sum_to_size(a.shape), to_b.sum_to_size(b.shape)


def scatter_add(args, x, indices, source):
    return x.scatter_add(args["axis"], indices, source)


def scatter_add_steps(args, off, x, indices, source):
    """Arbitrary where a float32 sum may leave the range of float32 on the way."""
    sizes = scatter_add(args, x.detach().abs(), indices, source.detach().abs())
    return Known.apply(off, sizes < torch.finfo(torch.float32).max, scatter_add(args, x, indices, source))


def linear_steps(args, off, x, weight, *bias):
    y = Product.apply(off, x.reshape(-1, x.shape[-1]), weight.t()).reshape(*x.shape[:-1], -1)
    return off(y) + bias[0] if bias else y


affine = Op(lambda args, *inputs: F.linear(*inputs), ACCUMULATED, linear_steps)


def linear(args, apply, x, weight, *rest):
    rest = list(rest)
    bias = [rest.pop(0)] if args.get("bias") else []
    y = apply(affine, x, weight, *bias)
    if "activation" in args:
        y = apply(ops[args["activation"]], y)
    return apply(ops["add"], y, rest.pop(0)) if args.get("residual") else y


def mean(args, apply, x):
    total = apply(ops["sum"], x)
    return apply(Op(lambda args, total: total * (total.numel() / x.numel())), total)


def linear_cross_entropy(args, apply, x, weight, targets):
    logits = apply(affine, x, weight)
    loss = apply(ops["crossEntropy"], logits, targets)
    # In chunks the gradients are there before that of the loss, by which they are multiplied, zeros too.
    def steps(args, off, loss, x, weight):
        return loss + (x.sum() + weight.sum()) * 0

    scaled = Op(lambda args, loss, *_: loss * 1, NORMALIZED, steps)
    return apply(scaled, loss, x, weight) if "chunkRows" in args else loss


def turning(fn, slope):
    """Steps of sine or cosine, which float32 cannot tell, slopes neither, of an angle that may be off by a part of a turn."""

    def steps(args, off, x):
        return Known.apply(off, x.abs() < 2.0**21, Derivative.apply(lambda x: off(fn(x)), lambda y, x: [slope(x)], x))

    return steps


def log_softmax(x):
    """`log_softmax` of PyTorch loses what the smaller ones add to the largest, in float64 too."""
    if x.numel() == 0:
        return x.log_softmax(-1)
    place = x.detach().argmax(-1, True)
    shifted = x - x.gather(-1, place)
    return shifted - shifted.exp().scatter(-1, place, 0.0).sum(-1, True).log1p()


def softmax_steps(args, off, x):
    powers, total = exponentials(off, x)
    return powers / total


def log_softmax_steps(args, off, x):
    shifted = off(x - x.detach().amax(-1, True))
    return shifted - off(off(exponentials(off, x)[1]).log())


def exponentials(off, x):
    """e to the power of x less its maximum, and the sum of these."""
    powers = Derivative.apply(lambda x: off(x.exp()), lambda y, x: [y], off(x - x.detach().amax(-1, True)))
    return powers, off(powers.sum(-1, True))


def layer_norm(args, x, weight, bias):
    """`F.layer_norm` multiplies before it subtracts the mean, which loses large rows in float64 too."""
    centred = x - x.mean(-1, True)
    return centred / (centred.square().mean(-1, True) + args.get("epsilon", 1e-5)).sqrt() * weight + bias


def layer_norm_steps(args, off, x, weight, bias):
    centred = off(x - off(x.mean(-1, True)))
    deviation = off((off((centred * centred).mean(-1, True)) + args.get("epsilon", 1e-5)).sqrt())
    finite = Known.apply(off, weight.isfinite(), weight)
    return off(off(centred / deviation) * finite) + bias


def rms_norm(args, x, weight):
    return x * (x.square().mean(-1, True) + args.get("epsilon", 1e-5)).rsqrt() * weight


class ErrorOfRow(torch.autograd.Function):
    """Passes a gradient on, off by a rounding of the largest in its row."""

    @staticmethod
    def forward(context, off, x):
        context.off = off
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        sizes = gradient.abs().amax(-1, True).expand_as(gradient)
        return None, gradient + context.off.error(sizes) * 2.0**-24


def rms_norm_steps(args, off, x, weight):
    x = ErrorOfRow.apply(off, x)
    root = off((off((x * x).mean(-1, True)) + args.get("epsilon", 1e-5)).sqrt())
    finite = Known.apply(off, weight.isfinite(), weight)
    return off(x / root) * finite


def rotary(args, x, table, positions):
    """By split halves; the table has cosines, and then sines."""
    heads, head_dim = args["heads"], args["headDim"]
    turned, rest = x.split([heads * head_dim, x.shape[1] - heads * head_dim], 1)
    a, b = turned.reshape(len(x), heads, 2, head_dim // 2).unbind(2)
    cos, sin = table.detach()[positions].reshape(len(x), 1, 2, head_dim // 2).unbind(2)
    halves = torch.stack([a * cos - b * sin, b * cos + a * sin], 2)
    return torch.cat([halves.reshape(turned.shape), rest], 1)


class Rotate(torch.autograd.Function):
    """Arbitrary where the sum of two products may leave the range of float32 on the way."""

    @staticmethod
    def forward(context, args, off, x, table, positions):
        context.args, context.off = args, off
        context.save_for_backward(table, positions)
        cos, sin = table.abs().chunk(2, -1)
        sizes = [rotary(args, x.abs(), torch.cat(parts, -1), positions).abs() for parts in ((cos, sin), (cos, -sin))]
        known = torch.maximum(*sizes) < torch.finfo(torch.float32).max
        return torch.where(known, rotary(args, x, table, positions), off.arbitrary)

    @staticmethod
    def backward(context, gradient):
        table, positions = context.saved_tensors
        cos, sin = table.chunk(2, -1)
        back = Rotate.apply(context.args, context.off, gradient, torch.cat([cos, -sin], -1), positions)
        return None, None, back, None, None


def rotary_steps(args, off, x, table, positions):
    return Rotate.apply(args, off, x, table.detach(), positions)


def silu(x):
    """With its limits at ±∞."""
    finite = torch.where(x.isinf(), torch.zeros_like(x), x)
    return torch.where(x.isinf(), x.clamp(min=0), F.silu(finite))


def gated(args, x):
    gate, up = x.chunk(2, -1)
    how = args.get("gate", "silu")
    if how == "silu":
        return silu(gate) * up
    alpha, limit = how["alpha"], how["limit"]
    bounded = gate.clamp(max=limit)
    return silu(bounded * alpha) / alpha * (up.clamp(-limit, limit) + 1)


def top_k(args, x):
    """Of equal elements the first ones, unlike `torch.topk`."""
    values, indices = x.sort(dim=-1, descending=True, stable=True)
    return (values if args["part"] == "values" else indices).narrow(-1, 0, args["k"])


def grouped_linear(args, x, weight, *rest):
    *bias, ids = rest
    y = (weight[ids] @ x.unsqueeze(-1)).squeeze(-1)
    return y + bias[0][ids] if bias else y


def grouped_linear_steps(args, off, x, weight, *rest):
    *bias, ids = rest
    y = Product.apply(off, weight[ids], x.unsqueeze(-1)).squeeze(-1)
    return off(y) + bias[0][ids] if bias else y


class Derivative(torch.autograd.Function):
    """A function of elements, with derivatives from its result and inputs."""

    @staticmethod
    def forward(context, function, derivatives, *inputs):
        y = function(*inputs)
        context.derivatives = derivatives
        context.save_for_backward(y, *inputs)
        return y

    @staticmethod
    def backward(context, gradient):
        y, *inputs = context.saved_tensors
        factors = context.derivatives(y, *inputs)
        return None, None, *((gradient * factor).sum_to_size(x.shape) for factor, x in zip(factors, inputs))


def exp_steps(args, off, x):
    return Derivative.apply(lambda x: off(to_float32(x.exp())), lambda y, x: [y], x)


def div_steps(args, off, *inputs):
    a, b = operands(args, inputs)
    return Derivative.apply(lambda a, b: a / b, lambda y, a, b: [to_float32(1 / b), to_float32(-off(a / b) / b)], a, b)


def pow_steps(args, off, *inputs):
    def derivatives(y, a, b):
        # By the rules of PyTorch: 0 where the exponent is 0, or where 0 is raised to what is not negative.
        zero = torch.zeros_like(y)
        to_base = torch.where(b == 0, zero, b * to_float32(a ** (b - 1)))
        to_exponent = torch.where((a == 0) & (b >= 0), zero, to_float32(y) * a.log())
        return [to_float32(to_base), to_float32(to_exponent)]

    a, b = operands(args, inputs)
    return Derivative.apply(lambda a, b: off(a**b), derivatives, a, b)


def tanh_steps(args, off, x):
    return Derivative.apply(lambda x: off(x.tanh()), lambda y, x: [off(1 - off(y * y))], x)


def sigmoid_steps(args, off, x):
    return Derivative.apply(lambda x: off(x.sigmoid()), lambda y, x: [off(y * off(1 - y))], x)


def gelu(args, x):
    """The tanh form, by its derivative; `F.gelu` loses the tail of float64 where 1 + tanh does."""
    return Derivative.apply(lambda x: x * torch.sigmoid(2 * gelu_argument(x)), lambda y, x: [gelu_derivative(x)], x)


def gelu_derivative(x):
    u, slope = gelu_argument(x), math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    return torch.sigmoid(2 * u) + 2 * x * torch.sigmoid(2 * u) * torch.sigmoid(-2 * u) * slope


def gelu_steps(args, off, x):
    def value(x):
        # In float32 the tail is 0 where tanh is −1.
        return off(0.5 * x * off(1 + off(off(gelu_argument(x)).tanh()).float().double()))

    def derivative(y, x):
        tanh = off(off(gelu_argument(x)).tanh())
        slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        return off(0.5 * (1 + tanh)) + off(0.5 * x * off(1 - off(tanh * tanh)) * slope)

    return Derivative.apply(value, lambda y, x: [derivative(y, x)], x)


def gelu_argument(x):
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def cross_entropy(args, logits, targets):
    return losses_of(args, log_softmax(logits), targets)


def cross_entropy_steps(args, off, logits, targets):
    def theirs(args, logits, targets):
        return losses_of(args, log_softmax_steps(args, off, logits) if logits.numel() else logits, targets)

    return cross_entropy_with_ignored(args, theirs, logits, targets, lambda losses: to_float32(losses.sum()))


def losses_of(args, scores, targets):
    ignored, how = args.get("ignoreIndex", -100), args.get("reduction", "mean")
    flat, wanted = scores.reshape(-1, scores.shape[-1]), targets.reshape(-1)
    loss = F.nll_loss(flat, wanted, ignore_index=ignored, reduction="none" if how == "none" else "sum")
    if how == "none":
        return loss.reshape(targets.shape)
    return loss / (wanted != ignored).sum() if how == "mean" else loss


def heads_of(args, qkv):
    """Queries, keys and values, each (sequences, heads, length, head_dim), keys and values repeated for their queries."""
    heads, head_dim, tokens = args["heads"], args["headDim"], qkv.shape[0]
    kv_heads, length = args.get("kvHeads", heads), args.get("sequenceLength", tokens)
    parts = qkv.split([heads * head_dim, kv_heads * head_dim, kv_heads * head_dim], dim=1)
    q, k, v = (part.reshape(-1, length, part.shape[1] // head_dim, head_dim).transpose(1, 2) for part in parts)
    return q, *(part.repeat_interleave(heads // kv_heads, dim=1) for part in (k, v))


def merged(args, out):
    return out.transpose(1, 2).reshape(-1, args["heads"] * args["headDim"])


def visible(args, length):
    """For each token the first and the end of those that it sees."""
    for token in range(length):
        first = max(0, token + 1 - args.get("window", length))
        yield (first, token + 1) if args.get("causal", True) else (0, length)


def attend(args, q, k, v, weigh):
    """What a token does not see takes no part, not even as zero times NaN."""
    seen = visible(args, q.shape[2])
    rows = [weigh(q[:, :, [row]], k[:, :, first:end]) @ v[:, :, first:end] for row, (first, end) in enumerate(seen)]
    return torch.cat(rows, dim=2)


def with_sinks(scores, sinks):
    """Scores, and behind those of each query the sink of its head, where there are sinks."""
    if sinks is None:
        return scores
    return torch.cat([scores, sinks.reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1)], dim=-1)


def attention(args, qkv, sinks=None):
    scale = args.get("scale", 1 / math.sqrt(args["headDim"]))
    weigh = lambda q, k: with_sinks(q @ k.transpose(-2, -1) * scale, sinks).softmax(-1)[..., : k.shape[2]]
    return merged(args, attend(args, *heads_of(args, qkv), weigh))


class Attend(torch.autograd.Function):
    """Attention as Dao et al. 2022 go backward through it: the mean of a row's gradients is taken from its result."""

    @staticmethod
    def forward(context, args, off, q, k, v, sinks):
        context.scale = args.get("scale", 1 / math.sqrt(args["headDim"]))
        scores = off(product(off, q, k.transpose(-2, -1)) * context.scale)
        hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool)
        for row, (first, end) in zip(hidden, visible(args, q.shape[2])):
            row[first:end] = False
        probabilities = softmax_steps(args, off, with_sinks(scores.masked_fill(hidden, -math.inf), sinks))
        pattern = probabilities[..., : k.shape[2]]
        # Values are added up before they are divided by the sum of exponentials, of which the largest is 1.
        sums = pattern / pattern.amax(-1, True) @ v.abs()
        out = torch.where(sums < torch.finfo(torch.float32).max, product(off, pattern, v), off.arbitrary)
        context.off = off
        context.save_for_backward(q, k, v, pattern, out, probabilities[..., k.shape[2] :])
        return out

    @staticmethod
    def backward(context, gradient):
        q, k, v, pattern, out, of_sinks = context.saved_tensors
        off = context.off
        sinks = off(off(off(out * of_sinks) * off(gradient)).sum((0, 2, 3))) if of_sinks.numel() else None
        mean = off(product(off, off(gradient).unsqueeze(-2), off(out).unsqueeze(-1)).squeeze(-1))
        scores = pattern * off(off(product(off, off(gradient), v.transpose(-2, -1))) - mean) * context.scale
        return (
            None,
            None,
            product(off, scores, k),
            product(off, scores.transpose(-2, -1), q),
            product(off, pattern.transpose(-2, -1), gradient),
            None if sinks is None else -sinks,
        )


def attention_steps(args, off, qkv, sinks=None):
    return merged(args, Attend.apply(args, off, *heads_of(args, qkv), sinks))


def adamw(args, parameters, gradients, first, second, scale):
    """One step of PyTorch's AdamW on the ranges of a bucket; all but gradients and scale change in place."""
    for options in args["ranges"]:
        part = slice(options["start"], options["end"])
        parameter = torch.nn.Parameter(parameters[part].clone())
        parameter.grad = gradients[part] * scale.reshape(())
        optimizer = torch.optim.AdamW(
            [parameter],
            lr=args["learningRate"],
            betas=(args["beta1"], args["beta2"]),
            eps=args["epsilon"],
            weight_decay=options["weightDecay"],
        )
        state = {"exp_avg": first[part].clone(), "exp_avg_sq": second[part].clone()}
        optimizer.state[parameter] = {"step": torch.tensor(args["step"] - 1.0, dtype=torch.float64), **state}
        optimizer.step()
        changed = optimizer.state[parameter]
        for target, value in ((parameters, parameter), (first, changed["exp_avg"]), (second, changed["exp_avg_sq"])):
            target[part] = value.detach()


def philox(key, count):
    """`count` uniform numbers in [0, 1) of 24 bits: Philox 4×32-10 (Salmon et al. 2011)."""
    blocks = numpy.arange((count + 3) // 4, dtype=numpy.uint64)
    low = numpy.uint64(0xFFFFFFFF)
    streams = [numpy.full_like(blocks, word) for word in key["stream"]]
    words = [blocks & low, blocks >> numpy.uint64(32), *streams]
    keys = [numpy.uint64(word) for word in key["seed"]]
    for _ in range(10):
        first, second = (numpy.uint64(m) * word for m, word in ((0xD2511F53, words[0]), (0xCD9E8D57, words[2])))
        shift = numpy.uint64(32)
        words = [(second >> shift) ^ words[1] ^ keys[0], second & low, (first >> shift) ^ words[3] ^ keys[1], first & low]
        keys = [(word + numpy.uint64(step)) & low for word, step in zip(keys, (0x9E3779B9, 0xBB67AE85))]
    uniform = (numpy.stack(words, axis=1).reshape(-1)[:count] >> numpy.uint64(8)) * 2.0**-24
    return torch.from_numpy(uniform)


def dropout(args, x):
    kept = philox(args["key"], x.numel()).reshape(x.shape) >= args["probability"]
    return x * kept / (1 - args["probability"])


def argmax(args, x):
    keep = args.get("keepDims", False)
    # Without an axis PyTorch 1.13 takes no keepdim.
    return x.argmax(args["axis"], keep) if "axis" in args else x.argmax().reshape([1] * x.dim() if keep else [])


def penalize_repeats(args, logits, ids):
    penalty = number(args["penalty"])
    occurs = torch.zeros(logits.shape[-1], dtype=torch.bool)
    occurs[ids.reshape(-1)] = True
    return torch.where(occurs, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


ops = {
    "neg": Op(unary(torch.neg), EXACT),
    "abs": Op(unary(torch.abs), EXACT),
    "sign": Op(unary(torch.sign), EXACT),
    "relu": Op(unary(torch.relu), EXACT),
    "sqrt": Op(unary(torch.sqrt)),
    "rsqrt": Op(unary(torch.rsqrt)),
    "exp": Op(unary(torch.exp), ACCUMULATED, exp_steps),
    "log": Op(unary(torch.log)),
    "sin": Op(unary(torch.sin), ACCUMULATED, turning(torch.sin, torch.cos)),
    "cos": Op(unary(torch.cos), ACCUMULATED, turning(torch.cos, lambda x: -x.sin())),
    "erfc": Op(unary(torch.erfc), ACCUMULATED),
    "tanh": Op(unary(torch.tanh), steps=tanh_steps),
    "sigmoid": Op(unary(torch.sigmoid), ACCUMULATED, sigmoid_steps),
    "gelu": Op(gelu, ACCUMULATED, gelu_steps),
    "silu": Op(unary(F.silu), ACCUMULATED),
    "add": Op(binary(torch.add)),
    "sub": Op(binary(torch.sub)),
    "mul": Op(binary(torch.mul)),
    "div": Op(binary(torch.div), steps=div_steps),
    "pow": Op(binary(torch.pow), ACCUMULATED, pow_steps),
    "maximum": Op(binary(torch.maximum), EXACT),
    "minimum": Op(binary(torch.minimum), EXACT),
    "equal": Op(binary(lambda a, b: (a == b).to(a.dtype)), EXACT),
    "less": Op(binary(lambda a, b: (a < b).to(a.dtype)), EXACT),
    "greater": Op(binary(lambda a, b: (a > b).to(a.dtype)), EXACT),
    "where": Op(where, EXACT),
    "sum": Op(reduction(lambda x, axes, keep: x.sum(axes, keep)), ACCUMULATED),
    "max": Op(reduction(torch.amax), EXACT),
    "min": Op(reduction(torch.amin), EXACT),
    "argmax": Op(argmax, EXACT),
    "concat": Op(lambda args, *inputs: torch.cat(inputs, args["axis"]), EXACT),
    "stack": Op(lambda args, *inputs: torch.stack(inputs, args["axis"]), EXACT),
    "cast": Op(lambda args, x: x.to(torch.int64 if args["dtype"] == "i32" else torch.get_default_dtype()), EXACT),
    "matmul": Op(lambda args, a, b: a @ b, ACCUMULATED, lambda args, off, a, b: Product.apply(off, a, b)),
    "embedding": Op(lambda args, table, ids: F.embedding(ids, table), EXACT),
    "gather": Op(lambda args, x, indices: x.gather(args["axis"], indices), EXACT),
    "scatterAdd": Op(scatter_add, ACCUMULATED, scatter_add_steps),
    "crossEntropy": Op(cross_entropy, NORMALIZED, cross_entropy_steps),
    "layerNorm": Op(layer_norm, NORMALIZED, layer_norm_steps),
    "rmsNorm": Op(rms_norm, NORMALIZED, rms_norm_steps),
    "rotary": Op(rotary, ACCUMULATED, rotary_steps),
    "gated": Op(gated, NORMALIZED),
    "topK": Op(top_k, EXACT),
    "groupedLinear": Op(grouped_linear, ACCUMULATED, grouped_linear_steps),
    "softmax": Op(unary(lambda x: x.softmax(-1)), NORMALIZED, softmax_steps),
    "logSoftmax": Op(unary(log_softmax), NORMALIZED, log_softmax_steps),
    "attention": Op(attention, NORMALIZED, attention_steps),
    "dropout": Op(dropout),
    "norm": Op(lambda args, x: x.detach().norm(), ACCUMULATED),
    "penalizeRepeats": Op(penalize_repeats),
}



def with_difference(difference, op):
    return replace(op, run=lambda args, *inputs: difference.run(args, op.run, *inputs))


for difference in differences:
    ops[difference.op] = with_difference(difference, ops[difference.op])

#: Ops whose intermediate results are float32 numbers, as in PyTorch's float32: `apply` applies what they are made of.
composites = {"mean": mean, "linear": linear, "linearCrossEntropy": linear_cross_entropy}

#: What shares memory with its input.
views = {
    "reshape": lambda args, x: x.reshape(args["shape"]),
    "permute": lambda args, x: x.permute(args["axes"]),
    "transpose": lambda args, x: x.transpose(args["first"], args["second"]),
    "expand": lambda args, x: x.expand(args["shape"]),
    "slice": narrow,
    "split": part_of_split,
    "contiguous": lambda args, x: x.contiguous(),
    "detach": lambda args, x: x.detach(),
}
