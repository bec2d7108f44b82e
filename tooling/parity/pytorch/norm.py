"""Layer norm, and root mean square layer norm."""

import torch
from torch import nn


def make_norm(config, dim):
    return {"layer": nn.LayerNorm, "rms": RMSNorm}[config["type"]](dim, config["epsilon"])


class RMSNorm(nn.Module):
    """Zhang & Sennrich 2019, with epsilon under the root, as in Llama."""

    def __init__(self, dim, epsilon):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x / (x.square().mean(-1, keepdim=True) + self.epsilon).sqrt() * self.weight
