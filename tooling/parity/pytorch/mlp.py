"""The feed-forward part of a block: dense, gated, or experts of either kind."""

import torch
from torch import nn
from torch.nn import functional as F

# By the names of Hugging Face.
ACTIVATIONS = {
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "silu": F.silu,
}


def make_mlp(config, dim):
    return Experts(config, dim) if config["type"] == "experts" else FeedForward(config, dim)


def make_activation(config):
    """What lies between the layers up and down."""
    if config["type"] == "dense":
        return ACTIVATIONS[config["activation"]]
    return SiluGate() if config["gate"] == "silu" else ClampedGate(**config["gate"])


def up_width(config):
    """The outputs of the layer up: of gated ones first the gates, then the ups."""
    return config["hiddenDim"] * (2 if config["type"] == "gated" else 1)


class SiluGate(nn.Module):
    """SwiGLU (Shazeer 2020), as in Llama and Mixtral."""

    def forward(self, x):
        gate, up = x.chunk(2, dim=-1)
        return F.silu(gate) * up


class ClampedGate(nn.Module):
    """SwiGLU as gpt-oss has it."""

    def __init__(self, alpha, limit):
        super().__init__()
        self.alpha, self.limit = alpha, limit

    def forward(self, x):
        gate, up = x.chunk(2, dim=-1)
        gate, up = gate.clamp(max=self.limit), up.clamp(-self.limit, self.limit)
        return gate * torch.sigmoid(self.alpha * gate) * (up + 1)


class FeedForward(nn.Module):
    def __init__(self, config, dim):
        super().__init__()
        bias = config.get("bias", False)
        self.activation = make_activation(config)
        self.up = nn.Linear(dim, up_width(config), bias)
        self.down = nn.Linear(config["hiddenDim"], dim, bias)

    def forward(self, x):
        return self.down(self.activation(self.up(x)))


class Experts(nn.Module):
    """For each token the experts with the largest scores, weighted by the softmax over these: Mixtral, gpt-oss."""

    def __init__(self, config, dim):
        super().__init__()
        self.config = config
        self.active = config["active"]
        expert, count = config["expert"], config["count"]
        bias = expert.get("bias", False)
        self.activation = make_activation(expert)
        self.router = nn.Linear(dim, count, bias=config.get("routerBias", False))
        self.up = ExpertsLinear(count, dim, up_width(expert), bias)
        self.down = ExpertsLinear(count, expert["hiddenDim"], dim, bias)

    def forward(self, x):
        tokens = x.flatten(0, -2)
        self.scores = self.router(tokens)
        scores, chosen = self.scores.topk(self.active, dim=-1)
        weights = scores.softmax(-1)
        rows = [self.mix(*token) for token in zip(tokens, weights, chosen.tolist())]
        return torch.stack(rows).view_as(x)

    def mix(self, token, weights, experts):
        return sum(
            weight * self.down(self.activation(self.up(token, expert)), expert)
            for weight, expert in zip(weights, experts)
        )


class ExpertsLinear(nn.Module):
    """A linear layer for each expert."""

    def __init__(self, count, inputs, outputs, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(count, outputs)) if bias else None

    def forward(self, x, expert):
        return F.linear(x, self.weight[expert], None if self.bias is None else self.bias[expert])
