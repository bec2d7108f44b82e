"""The losses that keep experts in use, from the papers, and in the form that transformers gives the first of them."""

import torch
from torch.nn import functional as F

from pytorch.mlp import Experts


def router_loss(model):
    """What the routers of the last pass add to the loss of the tokens, by the coefficients of the configuration. All blocks
    with experts are alike."""
    layers = [module for module in model.modules() if isinstance(module, Experts)]
    if not layers:
        return 0
    config = layers[0].config
    scores = torch.cat([layer.scores for layer in layers])
    balance = load_balancing_loss(scores, config["count"], config["active"])
    return config.get("balanceLoss", 0) * balance + config.get("zLoss", 0) * z_loss(scores)


def load_balancing_loss(scores, count, active):
    """Fedus et al. 2021, equation 4, for several choices of a token: transformers, load_balancing_loss_func of mixtral."""
    probabilities = scores.softmax(-1)
    chosen = F.one_hot(probabilities.topk(active, dim=-1).indices, count).to(scores.dtype)  # (tokens, active, count)
    return count * (chosen.mean(0) * probabilities.mean(0)).sum()


def z_loss(scores):
    """Zoph et al. 2022, equation 5."""
    return scores.logsumexp(-1).square().mean()
