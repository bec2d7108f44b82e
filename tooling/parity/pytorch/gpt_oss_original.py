"""gpt-oss in OpenAI's own layout, the folder `original`: what openai/gpt-oss, gpt_oss/torch/model.py and weights.py compute, as
functions of its fields and tensors, one sequence at a time; and the same tensors from those of Hugging Face's layout."""

import math

import torch
from torch.nn import functional as F

from pytorch.decoders import mxfp4_values

#: The fields of `config.json`, of which Hugging Face's has some under other names.
ORIGINAL_NAMES = dict(
    num_hidden_layers="num_hidden_layers",
    num_experts="num_local_experts",
    experts_per_token="num_experts_per_tok",
    vocab_size="vocab_size",
    hidden_size="hidden_size",
    intermediate_size="intermediate_size",
    swiglu_limit="swiglu_limit",
    head_dim="head_dim",
    num_attention_heads="num_attention_heads",
    num_key_value_heads="num_key_value_heads",
    sliding_window="sliding_window",
    rope_theta="rope_theta",
)


def original_config(config):
    rope = config["rope_scaling"]
    return {
        **{name: config[other] for name, other in ORIGINAL_NAMES.items()},
        "initial_context_length": rope["original_max_position_embeddings"],
        "rope_scaling_factor": rope["factor"],
        "rope_ntk_alpha": rope["beta_slow"],
        "rope_ntk_beta": rope["beta_fast"],
    }


#: Names within a block, theirs behind ours.
BLOCK_NAMES = {
    "attn.norm.scale": "input_layernorm.weight",
    "attn.sinks": "self_attn.sinks",
    "attn.out.weight": "self_attn.o_proj.weight",
    "attn.out.bias": "self_attn.o_proj.bias",
    "mlp.norm.scale": "post_attention_layernorm.weight",
    "mlp.gate.weight": "mlp.router.weight",
    "mlp.gate.bias": "mlp.router.bias",
    "mlp.mlp1_weight.blocks": "mlp.experts.gate_up_proj_blocks",
    "mlp.mlp1_weight.scales": "mlp.experts.gate_up_proj_scales",
    "mlp.mlp1_bias": "mlp.experts.gate_up_proj_bias",
    "mlp.mlp2_weight.blocks": "mlp.experts.down_proj_blocks",
    "mlp.mlp2_weight.scales": "mlp.experts.down_proj_scales",
    "mlp.mlp2_bias": "mlp.experts.down_proj_bias",
}


def original_tensors(config, tensors):
    found = {
        "embedding.weight": tensors["model.embed_tokens.weight"],
        "norm.scale": tensors["model.norm.weight"],
        "unembedding.weight": tensors["lm_head.weight"],
    }
    for layer in range(config["num_hidden_layers"]):
        block = {name.split(".", 3)[3]: value for name, value in tensors.items() if name.startswith(f"model.layers.{layer}.")}
        for kind in ("weight", "bias"):
            found[f"block.{layer}.attn.qkv.{kind}"] = torch.cat([block[f"self_attn.{part}_proj.{kind}"] for part in "qkv"])
        for name, other in BLOCK_NAMES.items():
            found[f"block.{layer}.{name}"] = block[other]
    return found


def original_logits(config, tensors, ids, dtype=torch.float32):
    """Logits (B, T, vocab_size) of ids (B, T)."""
    tensors = {name: value if value.dtype == torch.uint8 else value.to(dtype) for name, value in tensors.items()}
    return torch.stack([sequence_logits(config, tensors, row) for row in ids])


def sequence_logits(config, tensors, ids):
    x = tensors["embedding.weight"][ids]
    for layer in range(config["num_hidden_layers"]):
        def of(name):
            return tensors[f"block.{layer}.{name}"]

        x = x + attention(config, of, normalized(x, of("attn.norm.scale")), layer)
        x = x + torch.stack([experts(config, of, token) for token in normalized(x, of("mlp.norm.scale"))])
    return F.linear(normalized(x, tensors["norm.scale"]), tensors["unembedding.weight"])


def normalized(x, scale):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * scale


def attention(config, of, x, layer):
    heads, kv_heads, width = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    qkv = F.linear(x, of("attn.qkv.weight"), of("attn.qkv.bias"))
    q, k, v = qkv.split([heads * width, kv_heads * width, kv_heads * width], dim=-1)
    gathered = []
    for head in range(heads):
        group = head // (heads // kv_heads)
        own = turned(config, q[:, head * width : (head + 1) * width])
        keys = turned(config, k[:, group * width : (group + 1) * width])
        rows = []
        for position in range(len(x)):
            first = max(0, position - config["sliding_window"] + 1) if layer % 2 == 0 else 0
            seen = keys[first : position + 1]
            scores = torch.cat([seen @ own[position] / math.sqrt(width), of("attn.sinks")[head : head + 1]])
            rows.append(scores.softmax(0)[:-1] @ v[first : position + 1, group * width : (group + 1) * width])
        gathered.append(torch.stack(rows))
    return F.linear(torch.cat(gathered, dim=-1), of("attn.out.weight"), of("attn.out.bias"))


def turned(config, x):
    """YaRN, "NTK by parts": pairs between two bounds blend the frequencies of a stretched context with those as they are."""
    half, base, factor = config["head_dim"] // 2, config["rope_theta"], config["rope_scaling_factor"]
    plain = base ** -(torch.arange(half, dtype=torch.float64) / half)
    concentration = 1.0
    frequencies = plain
    if factor > 1:
        concentration = 0.1 * math.log(factor) + 1
        low, high = (
            half * math.log(config["initial_context_length"] / (turns * 2 * math.pi)) / math.log(base)
            for turns in (config["rope_ntk_beta"], config["rope_ntk_alpha"])
        )
        stretched = ((torch.arange(half, dtype=torch.float64) - low) / (high - low)).clamp(0, 1)
        frequencies = plain / factor * stretched + plain * (1 - stretched)
    angles = torch.arange(len(x), dtype=torch.float64)[:, None] * frequencies
    cos, sin = (concentration * angles.cos()).to(x.dtype), (concentration * angles.sin()).to(x.dtype)
    first, second = x[:, :half], x[:, half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def experts(config, of, x):
    scores = F.linear(x, of("mlp.gate.weight"), of("mlp.gate.bias"))
    largest, chosen = scores.topk(config["experts_per_token"])
    total = torch.zeros_like(x)
    for share, number in zip(largest.softmax(0), chosen.tolist()):
        hidden = F.linear(x, matrix(of, "mlp.mlp1_weight", number, x.dtype), of("mlp.mlp1_bias")[number])
        gate, value = hidden[0::2].clamp(max=config["swiglu_limit"]), hidden[1::2].clamp(-config["swiglu_limit"], config["swiglu_limit"])
        hidden = gate * torch.sigmoid(1.702 * gate) * (value + 1)
        total = total + share * F.linear(hidden, matrix(of, "mlp.mlp2_weight", number, x.dtype), of("mlp.mlp2_bias")[number])
    return total


def matrix(of, name, number, dtype):
    return mxfp4_values(of(f"{name}.blocks")[number], of(f"{name}.scales")[number]).to(dtype)
