"""The GPT of @gpt/gpt in PyTorch. Attributes are named as its modules, so that both sides use the same keys."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from pytorch.attention import Attention
from pytorch.mlp import make_mlp
from pytorch.norm import make_norm
from pytorch.routing import router_loss


class Block(nn.Module):
    def __init__(self, config, dim):
        super().__init__()
        self.pre = config["place"] == "pre"
        self.attentionNorm = make_norm(config["norm"], dim)
        self.attention = Attention(config["attention"], dim)
        self.mlpNorm = make_norm(config["norm"], dim)
        self.mlp = make_mlp(config["mlp"], dim)

    def forward(self, x):
        if self.pre:
            x = x + self.attention(self.attentionNorm(x))
            return x + self.mlp(self.mlpNorm(x))
        x = self.attentionNorm(x + self.attention(x))
        return self.mlpNorm(x + self.mlp(x))


class GPT(nn.Module):
    """A model of a configuration in the long form."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        vocab_size, dim = config["vocabSize"], config["dim"]
        self.tokenEmbedding = nn.Embedding(vocab_size, dim)
        if config["positions"] == "learned":
            self.positionEmbedding = nn.Embedding(config["contextLength"], dim)
        self.blocks = nn.ModuleList(Block(block, dim) for block in config["blocks"])
        if "finalNorm" in config:
            self.finalNorm = make_norm(config["finalNorm"], dim)
        self.tied = config["head"]["type"] == "tied"
        if not self.tied:
            self.head = nn.Linear(dim, vocab_size, bias=False)

    def forward(self, ids):
        x = self.tokenEmbedding(ids) + self.positions(ids.shape[1])
        for block in self.blocks:
            x = block(x)
        if "finalNorm" in self.config:
            x = self.finalNorm(x)
        return F.linear(x, self.tokenEmbedding.weight if self.tied else self.head.weight)

    def positions(self, length):
        """What is added to the embeddings of the tokens."""
        if self.config["positions"] == "learned":
            return self.positionEmbedding.weight[:length]
        if self.config["positions"] == "sinusoidal":
            return sinusoidal_positions(length, self.config["dim"]).to(self.tokenEmbedding.weight.dtype)
        return 0

    def loss(self, ids, targets):
        tokens = F.cross_entropy(self(ids).flatten(0, 1), targets.flatten(), ignore_index=-100)
        return tokens + router_loss(self)


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
            elif name.endswith(".bias"):
                parameter.mul_(0.1)
            elif name.endswith(".weight"):
                parameter.div_(math.sqrt(parameter.shape[-1]))  # By the number of inputs.
    return model
