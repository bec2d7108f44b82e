"""GPT-1, by the fields and the tensors of its folders: what Hugging Face's OpenAIGPTLMHeadModel computes, as a function of
both, and the form in which OpenAI released it (finetune-transformer-lm, model/)."""

import json
import math

import numpy
import torch
from torch.nn import functional as F

#: In the order in which the release has them; matrices are [inputs, outputs].
BLOCK = {
    "attn.c_attn.weight": lambda d: [d, 3 * d],
    "attn.c_attn.bias": lambda d: [3 * d],
    "attn.c_proj.weight": lambda d: [d, d],
    "attn.c_proj.bias": lambda d: [d],
    "ln_1.weight": lambda d: [d],
    "ln_1.bias": lambda d: [d],
    "mlp.c_fc.weight": lambda d: [d, 4 * d],
    "mlp.c_fc.bias": lambda d: [4 * d],
    "mlp.c_proj.weight": lambda d: [4 * d, d],
    "mlp.c_proj.bias": lambda d: [d],
    "ln_2.weight": lambda d: [d],
    "ln_2.bias": lambda d: [d],
}

#: modeling_openai.py, ACT_FNS.
ACTIVATIONS = {
    "gelu": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": torch.relu,
    "silu": F.silu,
    "swish": F.silu,
}


def shapes(config):
    """Of every tensor by its bare name, in the order of the release: positions first."""
    dim = config["n_embd"]
    found = {"positions_embed.weight": [config["n_positions"], dim], "tokens_embed.weight": [config["vocab_size"], dim]}
    for layer in range(config["n_layer"]):
        found.update({f"h.{layer}.{name}": shape(dim) for name, shape in BLOCK.items()})
    return found


def random_tensors(config, seed, std=None):
    """Of one std, as models begin; or large enough that attention is far from uniform, gains not 1 and biases not 0."""
    torch.manual_seed(seed)
    tensors = {name: torch.randn(shape) for name, shape in shapes(config).items()}
    for name, value in tensors.items():
        gain = 1 if ".ln_" in name and name.endswith(".weight") else 0
        if std is not None:
            value.mul_(std).add_(gain)
        elif gain or name.endswith(".bias"):
            value.mul_(0.1).add_(gain)
        else:
            value.mul_(0.5 if "embed" in name else 1 / math.sqrt(value.shape[0]))
    return tensors


def openai_gpt_logits(config, tensors, ids, dtype=torch.float32):
    """Logits (B, T, vocab_size) of ids (B, T), from the tensors of a folder by their names, bare or prefixed."""
    weights = {name.replace("transformer.", "", 1): value.to(dtype) for name, value in tensors.items()}
    heads, eps, act = config["n_head"], config["layer_norm_epsilon"], ACTIVATIONS[config.get("afn", "gelu")]
    T = ids.shape[1]

    def conv1d(x, name):
        return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
        return centred / (variance + eps).sqrt() * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attention(x, name):
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in conv1d(x, f"{name}.c_attn").chunk(3, -1))
        scores = q @ k.transpose(-2, -1) / math.sqrt(v.shape[-1])
        mask = torch.ones(T, T, dtype=dtype).tril()
        gathered = (scores * mask - 1e4 * (1 - mask)).softmax(-1) @ v
        return conv1d(gathered.transpose(1, 2).flatten(2), f"{name}.c_proj")

    def feed_forward(x, name):
        return conv1d(act(conv1d(x, f"{name}.c_fc")), f"{name}.c_proj")

    x = weights["tokens_embed.weight"][ids] + weights["positions_embed.weight"][:T]
    for layer in range(config["n_layer"]):
        x = norm(x + attention(x, f"h.{layer}.attn"), f"h.{layer}.ln_1")
        x = norm(x + feed_forward(x, f"h.{layer}.mlp"), f"h.{layer}.ln_2")
    head = "tokens_embed.weight" if config.get("tie_word_embeddings", True) else "lm_head.weight"
    return x @ weights[head].t()


def write_release(folder, config, tensors):
    """`params_shapes.json` and `params_0.npy` to `params_9.npy`: all tensors one behind the other, in ten parts."""
    folder.mkdir(parents=True, exist_ok=True)
    # Matrices are filters of width 1 there.
    listed = [[1, *shape] if "embed" not in name and len(shape) == 2 else shape for name, shape in shapes(config).items()]
    (folder / "params_shapes.json").write_text(json.dumps(listed))
    numbers = numpy.concatenate([tensors[name].numpy().ravel() for name in shapes(config)])
    for part, values in enumerate(numpy.array_split(numbers, 10)):
        numpy.save(folder / f"params_{part}.npy", values)
