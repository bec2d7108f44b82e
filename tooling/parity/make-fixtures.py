"""PyTorch's side of the parity tests: makes their fixtures, and reads folders that @gpt/gpt wrote.

    python3 make-fixtures.py                                    makes fixtures/ again, the same numbers
    python3 make-fixtures.py --check DIR --ids "[[1, 2, 3]]"    prints the logits of a Hugging Face gpt2 folder, as JSON

Needs Python 3.9 and PyTorch 1.12 or later with NumPy, nothing else. The committed numbers are those of PyTorch 1.13
under Debian 12 (apt-get install python3-torch libopenblas0-pthread), on one thread of an x86-64 processor; other
versions and processors may differ in the last bits.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from pytorch.files import write_json, write_safetensors
from pytorch.folders import gpt2_tensors, load_folder, write_folder
from pytorch.gpt import Config, causal_attention, random_model
from pytorch.programs import serve

FIXTURES = Path(__file__).parent / "fixtures"

# ---------------------------------------------------------------------------------------------------------------------
# Whole models: the first logits, loss and gradients, then steps of AdamW on one batch, then the likeliest text.

OPTIMIZER = dict(learningRate=1e-2, beta1=0.9, beta2=0.95, epsilon=1e-8, weightDecay=0.1, clip=1.0)
STEPS = 10


def walk(config, batch, length):
    """Sequences in which each token follows from the one before it, so that there is something to learn."""
    rows = [[first] for first in range(1, batch + 1)]
    for row in rows:
        while len(row) < length + 1:
            row.append((5 * row[-1] + 3) % config.vocabSize)
    tokens = torch.tensor(rows)
    return tokens[:, :-1], tokens[:, 1:].clone()


def train(model, ids, targets):
    """The numbers of a run in the dtype of the model."""
    initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    decayed = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    others = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": OPTIMIZER["weightDecay"]}, {"params": others, "weight_decay": 0}],
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


def write_greedily(model, prompt):
    """The likeliest tokens after a prompt, up to the context length, and the logarithms of their probabilities."""
    ids, log_probabilities = list(prompt), []
    while len(ids) < model.config.contextLength:
        with torch.no_grad():
            scores = model(torch.tensor([ids]))[0, -1].log_softmax(0)
        ids.append(scores.argmax().item())
        log_probabilities.append(scores.max().item())
    return {"prompt": prompt, "ids": ids[len(prompt) :], "logProbabilities": log_probabilities}


def make_model_fixture(name, config, seed):
    ids, targets = walk(config, batch=2, length=13)  # Shorter than the context: some rows get no gradient.
    targets[1, -1] = -100  # Ignored.
    model = random_model(config, seed)
    tensors, losses, norms = train(model, ids, targets)
    exact, exact_losses, _ = train(random_model(config, seed).double(), ids, targets)
    print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}, gradient norm {max(norms):.2f} to {min(norms):.2f}")
    print("  deviations of float32 from float64:")
    for part in ("logits", "gradients", "trained"):
        worst, where = max((deviation(key, tensors[key], exact[key]), key) for key in tensors if key.startswith(part))
        print(f"    {part}: {worst:.1e} at {where}")
    print(f"    losses: {max(abs(a - b) / b for a, b in zip(losses, exact_losses)):.1e}")
    write_safetensors(FIXTURES / "models" / f"{name}.safetensors", tensors)
    fixture = {
        "config": asdict(config),
        "optimizer": OPTIMIZER,
        "ids": ids.tolist(),
        "targets": targets.tolist(),
        "losses": losses,
        "gradientNorms": norms,
        "greedy": write_greedily(model, prompt=[1, 2, 3]),
    }
    write_json(FIXTURES / "models" / f"{name}.json", fixture)


def deviation(name, a, b):
    if name.endswith("attention.qkv.bias"):
        # Without the key bias: softmax cancels it, its true gradient is zero, and what Adam makes of it is noise.
        a, b = (torch.cat([x.chunk(3)[0], x.chunk(3)[2]]) for x in (a, b))
    return ((a.double() - b).norm() / b.norm()).item()


def make_model_fixtures():
    # Sizes that are no multiples of the kernels' tiles; headDim 7.
    make_model_fixture("gpt2", Config(heads=4, dim=28, hiddenDim=112), seed=1)
    make_model_fixture("post-norm", Config(normPlacement="post"), seed=2)
    make_model_fixture("sinusoidal", Config(positions="sinusoidal"), seed=3)
    make_model_fixture("untied", Config(tiedHead=False, hiddenDim=30, epsilon=1e-3), seed=4)
    make_model_fixture("scaled-by-layer", Config(scaleAttentionByLayer=True, activation="gelu"), seed=9)
    make_model_fixture("unscaled", Config(scaleAttention=False, activation="silu"), seed=10)


# ---------------------------------------------------------------------------------------------------------------------
# Single ops, in float64 from inputs that float32 holds exactly.


def op_fixture(fn, **inputs):
    """The inputs, the result, a gradient of the result, and from it those of the floating-point inputs."""
    exact = {name: x.double().requires_grad_() if x.is_floating_point() else x for name, x in inputs.items()}
    out = fn(**exact)
    gradient = torch.randn(out.shape)
    out.backward(gradient.double())
    gradients = {f"gradient.{name}": x.grad for name, x in exact.items() if x.is_floating_point()}
    return {**inputs, "out": out.detach(), "gradient": gradient, **gradients}


def packed_attention(heads, kv_heads, head_dim, window=None):
    """Attention of packed projections, (B, T, (heads + 2 kv_heads) head_dim); query heads share key-value heads."""

    def fn(qkv):
        B, T, _ = qkv.shape
        sizes = [heads * head_dim, kv_heads * head_dim, kv_heads * head_dim]
        q, k, v = (part.view(B, T, -1, head_dim).transpose(1, 2) for part in qkv.split(sizes, dim=2))
        k, v = (part.repeat_interleave(heads // kv_heads, dim=1) for part in (k, v))
        return causal_attention(q, k, v, window).transpose(1, 2).reshape(B, T, -1)

    return fn


def adamw_fixture():
    """Steps of AdamW alone, with gradients from 0 over 1e-10, where epsilon matters, to 100."""
    start = torch.randn(4, 7)
    gradients = torch.randn(5, 4, 7) * torch.tensor([0, 1e-10, 1e-8, 1e-4, 1e-2, 1, 100])
    parameter = nn.Parameter(start.double())
    optimizer = torch.optim.AdamW([parameter], lr=0.05, betas=(0.8, 0.9), eps=1e-8, weight_decay=0.3)
    for gradient in gradients:
        parameter.grad = gradient.double()
        optimizer.step()
    return {"start": start, "gradients": gradients, "out": parameter.detach()}


def make_op_fixtures():
    torch.manual_seed(5)
    targets = torch.randint(0, 23, (9,))
    targets[[2, 5]] = -100
    logits = torch.randn(9, 23) * 8
    fixtures = {
        "attention": op_fixture(packed_attention(3, 3, 5), qkv=torch.randn(2, 9, 45) * 3),
        "groupedWindow": op_fixture(packed_attention(4, 2, 5, window=3), qkv=torch.randn(2, 9, 40) * 3),
        # Far from zero, where a variance that is computed as a difference of squares is wrong.
        "layerNorm": op_fixture(
            lambda x, weight, bias: F.layer_norm(x, (19,), weight, bias, 1e-5),
            x=torch.randn(6, 19) + 30,
            weight=torch.randn(19),
            bias=torch.randn(19),
        ),
        "gelu": op_fixture(lambda x: F.gelu(x, approximate="tanh"), x=torch.linspace(-6, 6, 49)),
        "crossEntropyMean": op_fixture(F.cross_entropy, input=logits, target=targets),
        "crossEntropyNone": op_fixture(
            lambda input, target: F.cross_entropy(input, target, reduction="none"), input=logits, target=targets
        ),
        "adamw": adamw_fixture(),
    }
    write_safetensors(
        FIXTURES / "ops.safetensors",
        {f"{op}.{name}": x for op, tensors in fixtures.items() for name, x in tensors.items()},
    )


# ---------------------------------------------------------------------------------------------------------------------
# Folders in the layout of Hugging Face's gpt2.


def masks(model):
    """As in OpenAI's uploads: buffers of old versions, which are no weights."""
    T = model.config.contextLength
    tensors = {}
    for block in range(model.config.layers):
        tensors[f"h.{block}.attn.bias"] = torch.ones(1, 1, T, T).tril()
        tensors[f"h.{block}.attn.masked_bias"] = torch.tensor(-1e4)
    return tensors


def tied_head(model):
    """The token embedding once more, under the name of the head that shares it."""
    return {"lm_head.weight": model.tokenEmbedding.weight.detach()}


def make_folder(name, config, seed, dtype=torch.float32, prefix="", extra=lambda model: {}, shards=1):
    """A folder as it is found on the hub, and beside it, what PyTorch computes from it."""
    model = random_model(config, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype))  # What the file will hold.
        ids, _ = walk(config, batch=2, length=4)
        logits = model(ids)
    tensors = {prefix + key: value for key, value in gpt2_tensors(model).items()}
    tensors = {key: value.to(dtype) for key, value in {**tensors, **extra(model)}.items()}
    write_folder(FIXTURES / "folders" / name, config, tensors, shards)
    write_json(FIXTURES / "folders" / f"{name}.json", {"ids": ids.tolist(), "logits": logits.tolist()})


def make_folders():
    make_folder("bare", Config(), seed=6, extra=masks)
    changes = Config(hiddenDim=30, epsilon=1e-2)
    make_folder("prefixed-float16", changes, seed=7, dtype=torch.float16, prefix="transformer.", extra=tied_head)
    scaled = Config(scaleAttention=False, scaleAttentionByLayer=True, activation="gelu")
    make_folder("scaled-by-layer", scaled, seed=11)
    make_folder("sharded-bfloat16", Config(), seed=8, dtype=torch.bfloat16, prefix="transformer.", shards=3)


def main():
    torch.set_num_threads(1)  # One order of summation.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="DIR", type=Path, help="a gpt2 folder whose logits to print")
    parser.add_argument("--ids", metavar="JSON", type=json.loads, help="token ids, a list for each sequence")
    parser.add_argument("--programs", action="store_true", help="read programs, a line each, and print what they compute")
    options = parser.parse_args()
    if options.programs:
        serve(sys.stdin, sys.stdout)
    elif options.check:
        if not options.ids:
            parser.error("--check needs --ids")
        with torch.no_grad():
            print(json.dumps(load_folder(options.check)(torch.tensor(options.ids)).tolist()))
    else:
        make_model_fixtures()
        make_op_fixtures()
        make_folders()


if __name__ == "__main__":
    main()
