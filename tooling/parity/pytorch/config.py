"""The configuration of @gpt/gpt: the short form for GPT-2's architecture, and the long form that it stands for."""

import math
from dataclasses import dataclass
from typing import List, Optional


@dataclass
class Config:
    """The settings of the short form that the fixtures vary, by its names."""

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
    headDim: Optional[int] = None
    windows: Optional[List[Optional[int]]] = None


def expand(config):
    """The long form of a `Config`: a dict with a dict for each block."""
    norm = {"type": "layer", "epsilon": config.epsilon}
    long = {
        "vocabSize": config.vocabSize,
        "contextLength": config.contextLength,
        "dim": config.dim,
        "positions": config.positions,
        "blocks": [expand_block(config, layer, norm) for layer in range(config.layers)],
        "head": {"type": "tied" if config.tiedHead else "linear"},
    }
    if config.normPlacement == "pre":
        long["finalNorm"] = norm
    return long


def expand_block(config, layer, norm):
    head_dim = config.headDim or config.dim // config.heads
    windows = config.windows or [None]
    window = windows[layer % len(windows)]
    divisor = math.sqrt(head_dim) if config.scaleAttention else 1
    if config.scaleAttentionByLayer:
        divisor *= layer + 1
    return {
        "place": config.normPlacement,
        "norm": norm,
        "attention": {
            "heads": config.heads,
            "kvHeads": config.heads,
            "headDim": head_dim,
            "bias": True,
            "outputBias": True,
            "scale": 1 / divisor,
            **({"window": window} if window else {}),
        },
        "mlp": {"type": "dense", "hiddenDim": config.hiddenDim, "activation": config.activation, "bias": True},
    }
