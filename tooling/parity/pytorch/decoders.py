"""Llama and its relatives, by the fields and the tensors of their folders: what Hugging Face's classes and openai/gpt-oss
compute, as functions of both, one token sequence at a time and in the plainest way."""

import math

import torch
from torch.nn import functional as F

from pytorch.rotary import SCALINGS, rotate

# ---------------------------------------------------------------------------------------------------------------------
# What a config.json says.

#: Fields that a file may leave out.
DEFAULTS = {
    "llama": {"rope_theta": 10_000.0},
    "mistral": {"rope_theta": 10_000.0, "sliding_window": 4096, "num_key_value_heads": 8},
    "mixtral": {"rope_theta": 1e6, "num_local_experts": 8, "num_experts_per_tok": 2},
    "qwen2": {"rope_theta": 10_000.0, "sliding_window": 4096, "max_window_layers": 28},
    "qwen3": {"rope_theta": 10_000.0, "sliding_window": 4096, "max_window_layers": 28, "head_dim": 128},
    "gpt_oss": {
        "rope_theta": 150_000.0,
        "sliding_window": 128,
        "head_dim": 64,
        "attention_bias": True,
        "rope_scaling": {
            "rope_type": "yarn",
            "factor": 32.0,
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "truncate": False,
            "original_max_position_embeddings": 4096,
        },
    },
}


def with_defaults(config):
    config = {**DEFAULTS[config["model_type"]], **config}
    heads = config["num_attention_heads"]
    config["head_dim"] = config.get("head_dim") or config["hidden_size"] // heads
    config["num_key_value_heads"] = config.get("num_key_value_heads") or heads
    return config


def windows(config):
    """For each layer how many tokens are seen, or None."""
    kind, layers, window = config["model_type"], config["num_hidden_layers"], config.get("sliding_window")
    if kind == "llama":
        return [None] * layers
    if kind in ("mistral", "mixtral"):
        return [window] * layers
    types = config.get("layer_types")
    if kind == "gpt_oss":
        sliding = [layer % 2 == 0 for layer in range(layers)]
    else:
        used = config.get("use_sliding_window", False)
        sliding = [used and layer >= config["max_window_layers"] for layer in range(layers)]
    if types:
        sliding = [kind == "sliding_attention" for kind in types]
    return [window if slides else None for slides in sliding]


def cosines_and_sines(config, length):
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta, head_dim = rope.get("rope_theta", config["rope_theta"]), config["head_dim"]
    kind = rope.get("rope_type", rope.get("type", "default"))
    frequencies = theta ** -(torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    factor = 1
    if kind != "default":
        kept, factor = SCALINGS[kind](scaling(kind, rope, config), theta, head_dim, frequencies)
        frequencies = frequencies * (kept + (1 - kept) / rope["factor"])
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1) * factor


def scaling(kind, rope, config):
    """The fields of rotary.py."""
    original = rope.get("original_max_position_embeddings", config["max_position_embeddings"])
    fields = {"factor": rope["factor"], "originalContext": original}
    if kind == "llama3":
        fields.update(lowFrequencyFactor=rope["low_freq_factor"], highFrequencyFactor=rope["high_freq_factor"])
    if kind == "yarn":
        fields.update(betaFast=rope.get("beta_fast", 32), betaSlow=rope.get("beta_slow", 1))
        fields["truncate"] = rope.get("truncate", True)
        if "attention_factor" in rope:
            fields["attentionFactor"] = rope["attention_factor"]
        elif "mscale" in rope and "mscale_all_dim" in rope:
            mscale = [0.1 * rope[name] * math.log(rope["factor"]) + 1 for name in ("mscale", "mscale_all_dim")]
            fields["attentionFactor"] = mscale[0] / mscale[1]
    return fields


# ---------------------------------------------------------------------------------------------------------------------
# What is computed.


def decoder_logits(config, tensors, ids, dtype=torch.float32):
    """Logits (B, T, vocab_size) of ids (B, T), from the tensors of a folder by their names."""
    config = with_defaults(config)
    tensors = {name: value if value.dtype == torch.uint8 else value.to(dtype) for name, value in tensors.items()}
    prefix = "model." if "model.embed_tokens.weight" in tensors else ""

    def weight(name):
        return tensors[prefix + name]

    eps = config["rms_norm_eps"]
    x = F.embedding(ids, weight("embed_tokens.weight"))
    for layer, window in enumerate(windows(config)):
        block = Block(config, {
            name[len(f"{prefix}layers.{layer}."):]: value
            for name, value in tensors.items() if name.startswith(f"{prefix}layers.{layer}.")
        })
        x = x + block.attention(rms_norm(x, block["input_layernorm.weight"], eps), window)
        x = x + block.feed_forward(rms_norm(x, block["post_attention_layernorm.weight"], eps))
    head = weight("embed_tokens.weight") if config.get("tie_word_embeddings") else tensors["lm_head.weight"]
    return F.linear(rms_norm(x, weight("norm.weight"), eps), head)


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


class Block:
    def __init__(self, config, tensors):
        self.config, self.tensors = config, tensors

    def __getitem__(self, name):
        return self.tensors[name]

    def linear(self, x, name):
        return F.linear(x, self[f"{name}.weight"], self.tensors.get(f"{name}.bias"))

    def heads(self, x, name):
        """(B, T, dim) to (B, heads, T, head_dim)."""
        return self.linear(x, f"self_attn.{name}_proj").unflatten(-1, (-1, self.config["head_dim"])).transpose(1, 2)

    def attention(self, x, window):
        q, k, v = (self.heads(x, name) for name in "qkv")
        if "self_attn.q_norm.weight" in self.tensors:
            q = rms_norm(q, self["self_attn.q_norm.weight"], self.config["rms_norm_eps"])
            k = rms_norm(k, self["self_attn.k_norm.weight"], self.config["rms_norm_eps"])
        T = x.shape[1]
        table = cosines_and_sines(self.config, T)
        q, k = rotate(q, table), rotate(k, table)
        groups = self.config["num_attention_heads"] // self.config["num_key_value_heads"]
        k, v = (part.repeat_interleave(groups, dim=1) for part in (k, v))
        scores = q @ k.transpose(-2, -1) * self.config["head_dim"] ** -0.5
        query, key = torch.arange(T)[:, None], torch.arange(T)[None, :]
        seen = key <= query
        if window is not None:
            seen &= key > query - window
        scores = scores.masked_fill(~seen, -math.inf)
        if "self_attn.sinks" in self.tensors:
            sinks = self["self_attn.sinks"].reshape(1, -1, 1, 1).expand(*scores.shape[:-1], 1)
            scores = torch.cat([scores, sinks], dim=-1)
        gathered = scores.softmax(-1)[..., :T] @ v
        return self.linear(gathered.transpose(1, 2).flatten(2), "self_attn.o_proj")

    def feed_forward(self, x):
        kind = self.config["model_type"]
        if kind == "mixtral":
            return self.mixture(x, "block_sparse_moe.gate", self.mixtral_expert)
        if kind == "gpt_oss":
            return self.mixture(x, "mlp.router", self.gpt_oss_expert)
        gate, up = (self.linear(x, f"mlp.{name}_proj") for name in ("gate", "up"))
        return self.linear(F.silu(gate) * up, "mlp.down_proj")

    def mixture(self, x, router, expert):
        """Mixtral takes the softmax of all scores and makes the largest add up to 1, gpt-oss that of the largest alone,
        which is the same."""
        def token(row):
            probabilities, chosen = self.linear(row, router).softmax(-1).topk(self.config["num_experts_per_tok"])
            weights = probabilities / probabilities.sum()
            return sum(weight * expert(row, number) for weight, number in zip(weights, chosen.tolist()))

        return torch.stack([token(row) for row in x.flatten(0, 1)]).view_as(x)

    def mixtral_expert(self, x, number):
        w1, w2, w3 = (self[f"block_sparse_moe.experts.{number}.w{i}.weight"] for i in (1, 2, 3))
        return F.linear(F.silu(F.linear(x, w1)) * F.linear(x, w3), w2)

    def gpt_oss_expert(self, x, number):
        x = x @ self.gpt_oss_matrix("gate_up_proj", number) + self["mlp.experts.gate_up_proj_bias"][number]
        gate, up = x[..., ::2].clamp(max=7), x[..., 1::2].clamp(min=-7, max=7)
        hidden = gate * torch.sigmoid(1.702 * gate) * (up + 1)
        return hidden @ self.gpt_oss_matrix("down_proj", number) + self["mlp.experts.down_proj_bias"][number]

    def gpt_oss_matrix(self, name, number):
        """(in, out)."""
        name = f"mlp.experts.{name}"
        if name in self.tensors:
            return self[name][number]
        blocks, scales = self[f"{name}_blocks"][number], self[f"{name}_scales"][number]
        return mxfp4_values(blocks, scales).to(self["input_layernorm.weight"].dtype).t()


FP4 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], dtype=torch.float64)


def mxfp4_values(blocks, scales):
    """(…, blocks, 16) bytes of two values each, the first in the lower half, and (…, blocks) exponents to (…, columns)."""
    halves = torch.stack([blocks & 15, blocks >> 4], dim=-1).flatten(-2)
    return (FP4[halves.long()] * 2.0 ** (scales.double() - 127)[..., None]).flatten(-2)


# ---------------------------------------------------------------------------------------------------------------------
# Folders of random weights.


def random_tensors(config, seed):
    """Tensors as a folder has them, with weights large enough that nothing is uniform."""
    torch.manual_seed(seed)
    config = with_defaults(config)
    kind, dim, hidden, head_dim = config["model_type"], config["hidden_size"], config["intermediate_size"], config["head_dim"]
    heads, kv_heads = config["num_attention_heads"] * head_dim, config["num_key_value_heads"] * head_dim
    tensors = {"model.embed_tokens.weight": torch.randn(config["vocab_size"], dim) * 0.5}

    def matrix(name, rows, columns, bias=False):
        tensors[f"{name}.weight"] = torch.randn(rows, columns) / math.sqrt(columns)
        if bias:
            tensors[f"{name}.bias"] = torch.randn(rows) * 0.1

    def norm(name, size):
        tensors[f"{name}.weight"] = 1 + torch.randn(size) * 0.1

    for layer in range(config["num_hidden_layers"]):
        block = f"model.layers.{layer}"
        norm(f"{block}.input_layernorm", dim)
        attention_bias = config.get("attention_bias", False)
        for part, size in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
            matrix(f"{block}.self_attn.{part}_proj", size, dim, bias=kind == "qwen2" or attention_bias)
        matrix(f"{block}.self_attn.o_proj", dim, heads, bias=attention_bias)
        norm(f"{block}.post_attention_layernorm", dim)
        if kind == "qwen3":
            norm(f"{block}.self_attn.q_norm", head_dim)
            norm(f"{block}.self_attn.k_norm", head_dim)
        if kind == "mixtral":
            matrix(f"{block}.block_sparse_moe.gate", config["num_local_experts"], dim)
            for expert in range(config["num_local_experts"]):
                for part, rows, columns in (("w1", hidden, dim), ("w2", dim, hidden), ("w3", hidden, dim)):
                    matrix(f"{block}.block_sparse_moe.experts.{expert}.{part}", rows, columns)
        elif kind == "gpt_oss":
            tensors[f"{block}.self_attn.sinks"] = torch.randn(config["num_attention_heads"])
            matrix(f"{block}.mlp.router", config["num_local_experts"], dim, bias=True)
            tensors.update(random_experts(f"{block}.mlp.experts", config, dim, hidden))
        else:
            for part, rows, columns in (("gate", hidden, dim), ("up", hidden, dim), ("down", dim, hidden)):
                matrix(f"{block}.mlp.{part}_proj", rows, columns, bias=config.get("mlp_bias", False))
    norm("model.norm", dim)
    if not config.get("tie_word_embeddings"):
        matrix("lm_head", config["vocab_size"], dim)
    return tensors


def random_experts(name, config, dim, hidden):
    count = config["num_local_experts"]
    tensors = {}
    for part, inputs, outputs in (("gate_up_proj", dim, 2 * hidden), ("down_proj", hidden, dim)):
        tensors[f"{name}.{part}_bias"] = torch.randn(count, outputs) * 0.5
        if "quantization_config" in config:
            shape = (count, outputs, inputs // 32)
            tensors[f"{name}.{part}_blocks"] = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8)
            tensors[f"{name}.{part}_scales"] = torch.randint(122, 126, shape, dtype=torch.uint8)
        else:
            # Large enough that gates meet their bound.
            tensors[f"{name}.{part}"] = torch.randn(count, inputs, outputs) * 3 / math.sqrt(inputs)
    return tensors
