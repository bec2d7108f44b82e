"""The GPT of @gpt/gpt in PyTorch. Attributes are named as its modules, so that both sides use the same keys."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Config:
    """The settings of @gpt/gpt's GPTConfig that the fixtures vary, by its names."""

    vocabSize: int = 61
    contextLength: int = 16
    layers: int = 2
    heads: int = 3
    dim: int = 12
    hiddenDim: int = 48
    positions: str = "learned"
    normPlacement: str = "pre"
    tiedHead: bool = True
    epsilon: float = 1e-5
    activation: str = "gelu_new"
    scaleAttention: bool = True
    scaleAttentionByLayer: bool = False


# By the names of Hugging Face.
ACTIVATIONS = {
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "silu": F.silu,
}


class Attention(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.heads = config.heads
        self.divisor = math.sqrt(config.dim // config.heads) if config.scaleAttention else 1
        if config.scaleAttentionByLayer:
            self.divisor *= layer + 1
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.projection = nn.Linear(config.dim, config.dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(C, dim=2))
        return self.projection(causal_attention(q, k, v, divisor=self.divisor).transpose(1, 2).reshape(B, T, C))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.up = nn.Linear(config.dim, config.hiddenDim)
        self.down = nn.Linear(config.hiddenDim, config.dim)

    def forward(self, x):
        return self.down(self.activation(self.up(x)))


class Block(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.pre = config.normPlacement == "pre"
        self.attentionNorm = nn.LayerNorm(config.dim, config.epsilon)
        self.attention = Attention(config, layer)
        self.mlpNorm = nn.LayerNorm(config.dim, config.epsilon)
        self.mlp = FeedForward(config)

    def forward(self, x):
        if self.pre:
            x = x + self.attention(self.attentionNorm(x))
            return x + self.mlp(self.mlpNorm(x))
        x = self.attentionNorm(x + self.attention(x))
        return self.mlpNorm(x + self.mlp(x))


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.tokenEmbedding = nn.Embedding(config.vocabSize, config.dim)
        if config.positions == "learned":
            self.positionEmbedding = nn.Embedding(config.contextLength, config.dim)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        if config.normPlacement == "pre":
            self.finalNorm = nn.LayerNorm(config.dim, config.epsilon)
        if not config.tiedHead:
            self.head = nn.Linear(config.dim, config.vocabSize, bias=False)

    def forward(self, ids):
        x = self.tokenEmbedding(ids) + self.positions(ids.shape[1])
        for block in self.blocks:
            x = block(x)
        if self.config.normPlacement == "pre":
            x = self.finalNorm(x)
        return F.linear(x, self.tokenEmbedding.weight if self.config.tiedHead else self.head.weight)

    def positions(self, length):
        if self.config.positions == "learned":
            return self.positionEmbedding.weight[:length]
        return sinusoidal_positions(length, self.config.dim).to(self.tokenEmbedding.weight.dtype)

    def loss(self, ids, targets):
        return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten(), ignore_index=-100)


def causal_attention(q, k, v, window=None, divisor=None):
    """softmax(q kᵀ / √d) v, or with another divisor, each token seeing itself and those before it, of (…, T, d)."""
    T = q.shape[-2]
    distance = torch.arange(T)[:, None] - torch.arange(T)[None, :]
    hidden = (distance < 0) | (distance >= (window or T))
    scores = q @ k.transpose(-2, -1) / (divisor or math.sqrt(q.shape[-1]))
    return scores.masked_fill(hidden, -math.inf).softmax(-1) @ v


def sinusoidal_positions(length, dim):
    """Vaswani et al. 2017, section 3.5: sines in the even columns, cosines of the same angles in the odd ones."""
    position = torch.arange(length, dtype=torch.float64)[:, None]
    angles = position / 10_000 ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def random_model(config, seed):
    """Weights large enough that attention is far from uniform, and gains and biases that are not 1 and 0."""
    torch.manual_seed(seed)
    model = GPT(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_()
            if name.endswith("Embedding.weight"):
                parameter.mul_(0.5)
            elif name.endswith("Norm.weight"):
                parameter.mul_(0.1).add_(1)
            elif parameter.dim() == 1:
                parameter.mul_(0.1)
            else:
                parameter.div_(math.sqrt(parameter.shape[1]))
    return model
