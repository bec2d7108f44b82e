"""Causal self-attention: grouped heads, windows, sinks, norms of queries and keys, rotary positions."""

import math

import torch
from torch import nn

from pytorch.norm import make_norm
from pytorch.rotary import rotary_table, rotate


class Attention(nn.Module):
    def __init__(self, config, dim):
        super().__init__()
        self.config = config
        heads, kv_heads, head_dim = sizes = config["heads"], config["kvHeads"], config["headDim"]
        self.sizes = sizes
        self.divisor = 1 / config["scale"] if "scale" in config else None
        self.qkv = nn.Linear(dim, (heads + 2 * kv_heads) * head_dim, bias=config.get("bias", False))
        if "headNorm" in config:
            self.queryNorm = make_norm(config["headNorm"], head_dim)
            self.keyNorm = make_norm(config["headNorm"], head_dim)
        if config.get("sinks"):
            self.sinks = nn.Parameter(torch.zeros(heads))
        self.projection = nn.Linear(heads * head_dim, dim, bias=config.get("outputBias", False))

    def forward(self, x):
        q, k, v = split_heads(self.qkv(x), *self.sizes)
        if "headNorm" in self.config:
            q, k = self.queryNorm(q), self.keyNorm(k)
        if "rotary" in self.config:
            table = rotary_table(self.config["rotary"], self.config["headDim"], range(x.shape[1]))
            q, k = rotate(q, table), rotate(k, table)
        sinks = self.sinks if self.config.get("sinks") else None
        return self.projection(join_heads(causal_attention(q, k, v, self.config.get("window"), self.divisor, sinks)))


def split_heads(qkv, heads, kv_heads, head_dim):
    """(B, T, (heads + 2 kvHeads) headDim) to queries, keys and values, (B, heads or kvHeads, T, headDim)."""
    B, T, _ = qkv.shape
    parts = qkv.split([heads * head_dim, kv_heads * head_dim, kv_heads * head_dim], dim=2)
    return [part.view(B, T, -1, head_dim).transpose(1, 2) for part in parts]


def join_heads(x):
    """(B, heads, T, headDim) to (B, T, heads headDim)."""
    return x.transpose(1, 2).flatten(2)


def causal_attention(q, k, v, window=None, divisor=None, sinks=None):
    """softmax(q kᵀ / √d) v, or with another divisor, each token seeing itself and those before it, of (B, heads, T, d).

    Neighbouring query heads share a head of k and v where those have fewer. With a window of w tokens each sees itself
    and the w − 1 before it. A sink, one logit a head, adds to the denominator of the softmax only.
    """
    B, heads, T, d = q.shape
    k, v = (part.repeat_interleave(heads // part.shape[1], dim=1) for part in (k, v))
    distance = torch.arange(T)[:, None] - torch.arange(T)[None, :]
    hidden = (distance < 0) | (distance >= (window or T))
    scores = q @ k.transpose(-2, -1) / (divisor or math.sqrt(d))
    scores = scores.masked_fill(hidden, -math.inf)
    if sinks is None:
        return scores.softmax(-1) @ v
    sink_scores = sinks[:, None, None].expand(B, heads, T, 1)
    return torch.cat([scores, sink_scores], dim=-1).softmax(-1)[..., :-1] @ v
