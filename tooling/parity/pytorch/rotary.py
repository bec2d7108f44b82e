"""Rotary position embeddings (Su et al. 2021) on split halves, scaled as by Hugging Face's modeling_rope_utils."""

import math

import torch


def rotate(x, table):
    """Turns the pairs (x[i], x[i + d/2]) of (…, T, d) by the angles of a table."""
    cos, sin = table.to(x.dtype).chunk(2, dim=-1)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def rotary_table(rotary, head_dim, positions):
    """The cosines of the angles at each position, then their sines, (positions, headDim), in float64."""
    frequencies, factor = scaled_frequencies(rotary, head_dim)
    angles = torch.tensor(positions, dtype=torch.float64)[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1) * factor


def scaled_frequencies(rotary, head_dim):
    """Radians a token of each pair, and what the cosines and sines are multiplied by."""
    frequencies = rotary["theta"] ** -(torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    scaling = rotary.get("scaling")
    if scaling is None:
        return frequencies, 1
    kept, attention_factor = SCALINGS[scaling["type"]](scaling, rotary["theta"], head_dim, frequencies)
    return frequencies * (kept + (1 - kept) / scaling["factor"]), attention_factor


# For each type: the share of each frequency that is kept, the rest being divided by the factor; the attention factor.


def linear(scaling, theta, head_dim, frequencies):
    """Chen et al. 2023: positions divided by the factor."""
    return torch.zeros_like(frequencies), 1


def llama3(scaling, theta, head_dim, frequencies):
    """Llama 3.1: by how often a pair turns within the original context."""
    turns = scaling["originalContext"] * frequencies / (2 * math.pi)
    low, high = scaling["lowFrequencyFactor"], scaling["highFrequencyFactor"]
    return ((turns - low) / (high - low)).clamp(0, 1), 1


def yarn(scaling, theta, head_dim, frequencies):
    """Peng et al. 2023: a ramp over the pairs, between those that turn betaFast and betaSlow times."""

    def pair_that_turns(times):
        return head_dim * math.log(scaling["originalContext"] / (times * 2 * math.pi)) / (2 * math.log(theta))

    first, last = pair_that_turns(scaling["betaFast"]), pair_that_turns(scaling["betaSlow"])
    if scaling.get("truncate"):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, head_dim - 1)  # Theirs, though there are only headDim / 2 pairs.
    if first == last:
        last += 0.001
    ramp = ((torch.arange(head_dim // 2, dtype=torch.float64) - first) / (last - first)).clamp(0, 1)
    return 1 - ramp, scaling.get("attentionFactor", 0.1 * math.log(scaling["factor"]) + 1)


SCALINGS = {"linear": linear, "llama3": llama3, "yarn": yarn}
