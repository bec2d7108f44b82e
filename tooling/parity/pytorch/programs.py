"""Runs the random programs of ../programs in PyTorch, and says how far float32 may be from what comes out.

A program is a list of steps over the ops of @gpt/tensor. Its reference is what an ideal float32 would compute: each op
and each gradient of an op in float64, rounded to float32 once. How far an implementation may be from it follows from
runs of the same program in which each op is off by its last bits, at random, and from PyTorch's own float32.
"""

import base64
import json
import math
from functools import partial

import numpy
import torch

from .program_ops import ACCUMULATED, EXACT, NORMALIZED, Op, adamw, composites, number, ops, philox, to_float32, views

#: Runs with errors in the last bits.
RUNS, NATIVE_RUNS = 8, 2
#: What takes the place of a number of which nothing is known, one in each run.
ARBITRARY = [0.0, math.nan, math.inf, -math.inf, 1e30, -1e30, 1.0, -1.0]
#: How many times as far as the farthest of these runs an implementation may be, and how many times float32's spacing.
FACTOR, SPACINGS = 4, 4
#: What a tolerance may be instead of a power of two: none, for numbers that must be the same, such as NaN; or
#: unknown, where float32 cannot tell.
SAME, UNKNOWN = 254, 255
#: A tolerance is stored as a byte: how many of these steps it lies above the smallest number, in powers of two.
STEP, SMALLEST = 1.1, -149


class Exact:
    """float64 throughout."""

    dtype = torch.float64

    def apply(self, args, op, *inputs):
        return op.run(args, *inputs)

    def step(self, x):
        """What is added to a parameter."""
        return x


class Ideal(Exact):
    """Every result and every gradient rounded to float32 once."""

    def apply(self, args, op, *inputs):
        y = op.run(args, *(change(x, None, to_float32) for x in inputs))
        return change(y, to_float32, to_float32)


class Noisy(Exact):
    """As `Ideal`, each number that is rounded being off by an error in its last bits."""

    def __init__(self, seed):
        self.arbitrary = ARBITRARY[seed % len(ARBITRARY)]
        self.generator = torch.Generator().manual_seed(seed)

    def apply(self, args, op, *inputs):
        accumulates = op.rounding in (ACCUMULATED, NORMALIZED)
        entered = [change(x, self.disturb if accumulates else None, self.disturb) for x in inputs]
        y = op.steps(args, Off(self), *entered) if op.steps and inputs[0].numel() > 0 else op.run(args, *entered)
        back = self.settle if op.rounding == NORMALIZED else self.disturb
        return change(y, to_float32 if op.rounding == EXACT else self.round, back)

    def step(self, x):
        return self.disturb(x)

    def settle(self, gradient):
        """Infinity becomes another number in each run, so that nothing is expected of what follows from it."""
        finite = gradient.float().isfinite()
        return torch.where(finite, self.disturb(gradient), self.arbitrary)

    def round(self, x):
        """What float32 holds exactly is exact in any implementation."""
        rounded = to_float32(x)
        return torch.where(rounded == x, rounded, self.disturb(rounded))

    def disturb(self, x):
        # Zero is exact; what is next to it is off by the smallest number.
        disturbed = x.double() + self.error(x.double() * 2.0**-23 + x.sign() * 2.0**-149)
        return torch.where(x.isfinite(), disturbed.to(x.dtype), x)

    def error(self, size):
        """An error of about a size, at random."""
        sign = torch.randint(0, 2, size.shape, generator=self.generator) * 2.0 - 1
        return sign * size * (torch.rand(size.shape, generator=self.generator, dtype=torch.float64) + 0.5)


class Off:
    """Puts an error into the result of a step, and into its gradient."""

    def __init__(self, noisy):
        self.noisy, self.arbitrary, self.error = noisy, noisy.arbitrary, noisy.error

    def __call__(self, x):
        return change(x, self.noisy.disturb, self.noisy.disturb)


class Native(Noisy):
    """PyTorch's float32, from numbers that are off in their last bits."""

    dtype = torch.float32

    def apply(self, args, op, *inputs):
        y = op.run(args, *inputs)
        return y if op.rounding == EXACT else change(y, self.disturb, self.disturb)


def change(x, forward, backward):
    return Boundary.apply(x, forward, backward) if x.is_floating_point() else x


class Boundary(torch.autograd.Function):
    """Changes a tensor on its way into or out of an op, and its gradient on the way back."""

    @staticmethod
    def forward(context, x, forward, backward):
        context.back = backward
        return forward(x) if forward else x.clone()

    @staticmethod
    def backward(context, gradient):
        return context.back(gradient), None, None


def run(program, arithmetic):
    """All values at the end of a program, then the gradients of its leaves. None where there is none."""
    torch.set_default_dtype(arithmetic.dtype)
    slots = []
    for step in program["steps"]:
        with torch.set_grad_enabled(not step.get("noGrad", False)):
            inputs = [slots[i] for i in step["in"]]
            slots.append(run_step(step["op"], step.get("args", {}), inputs, arithmetic))
    leaves = [step["op"] in ("input", "uniform") and step["args"].get("grad", False) for step in program["steps"]]
    gradients = [slot.grad if leaf else None for slot, leaf in zip(slots, leaves)]
    return [None if value is None else value.detach() for value in slots + gradients]


def run_step(op, args, inputs, arithmetic):
    dtype = arithmetic.dtype
    if op in ("input", "uniform", "full"):
        values = create(op, args)
        if args.get("dtype") == "i32":
            return values.long()
        return values.to(dtype).requires_grad_(args.get("grad", False))
    if op in views:
        # PyTorch keeps track of what a view of a leaf is a view of, and fails where that was made without gradients.
        return views[op](args, *(inputs if torch.is_grad_enabled() else [x.detach() for x in inputs]))
    if op == "backward":
        root, *seed = inputs
        # Without a copy the gradient of a leaf would be this very tensor.
        root.backward(*(gradient.clone() for gradient in seed))
    elif op == "copyInto":
        with torch.no_grad():
            inputs[0].copy_(inputs[1].clone())
    elif op == "gradient":
        [leaf] = inputs
        scaled = Op(lambda args, gradient: gradient * number(args["scale"]))
        return torch.zeros_like(leaf) if leaf.grad is None else arithmetic.apply(args, scaled, leaf.grad)
    elif op == "adamwStep":
        with torch.no_grad():
            before = inputs[0].clone()
            adamw(args, *inputs)
            # The step is rounded before it is taken, and may nearly cancel the parameter.
            inputs[0].copy_(before + arithmetic.step(inputs[0] - before))
            # What divides by a moment beyond float32 divides by infinity there.
            inputs[0].masked_fill_(inputs[3].float().isinf() & isinstance(arithmetic, Noisy), math.nan)
            for changed in (inputs[0], inputs[2], inputs[3]):
                changed.copy_(arithmetic.apply(args, Op(lambda args, x: x), changed))
    else:
        apply = partial(arithmetic.apply, args)
        return composites[op](args, apply, *inputs) if op in composites else apply(ops[op], *inputs)


def create(op, args):
    shape = args["shape"]
    if op == "uniform":
        return philox(args["key"], math.prod(shape)).reshape(shape)
    if op == "full":
        return torch.full(shape, number(args["value"]), dtype=torch.float64)
    values = numpy.array([float(value) for value in args["data"]], dtype=numpy.float64)
    return torch.from_numpy(values.astype(numpy.float32).astype(numpy.float64)).reshape(shape)


def evaluate(program):
    """For each value and each gradient of a program its reference and its tolerance."""
    ideal = run(program, Ideal())
    others = [run(program, Exact()), *(run(program, Noisy(seed)) for seed in range(RUNS))]
    sizes = [value.abs().max().item() for value in ideal if value is not None and value.numel() > 0]
    # PyTorch's float32 may be wrong by far where numbers are huge; there it says nothing.
    native = [run(program, Native(seed)) for seed in range(NATIVE_RUNS)] if max(sizes, default=0) < 1e9 else []
    return [
        None if reference is None else encode(reference, [other[i] for other in others], [run[i] for run in native])
        for i, reference in enumerate(ideal)
    ]


def encode(reference, others, native):
    if not reference.is_floating_point():
        known = torch.stack([other == reference for other in others]).all(0)
        return pack(reference.numpy().astype("<i4"), torch.where(known, SAME, UNKNOWN))
    reference = to_float32(reference)
    known = torch.ones_like(reference, dtype=torch.bool)
    farthest = torch.zeros_like(reference)
    for other in others + native:
        same = (other == reference) | (other.isnan() & reference.isnan())
        distance = torch.where(same, torch.zeros_like(reference), (other - reference).abs())
        known &= distance.isfinite()
        farthest = torch.maximum(farthest, distance)
    spacing = reference.abs() * 2.0**-23 + 2.0**-149
    exponents = torch.log2(FACTOR * farthest + SPACINGS * spacing)
    codes = ((exponents - SMALLEST) / STEP).ceil().clamp(0, SAME - 1)
    codes[~reference.isfinite()] = SAME
    codes[~known | (exponents >= 127)] = UNKNOWN
    return pack(reference.numpy().astype("<f4"), codes)


def pack(values, tolerances):
    texts = (values.tobytes(), tolerances.numpy().astype(numpy.uint8).tobytes())
    return dict(zip(("values", "tolerances"), (base64.b64encode(text).decode() for text in texts)))


def serve(lines, output):
    """Evaluates programs, one a line."""
    for line in lines:
        try:
            answer = evaluate(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=output, flush=True)
