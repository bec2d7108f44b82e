"""Random numbers, as tensors of PyTorch."""

import torch


def random_numbers(length, seed):
    """Those of models/numbers.ts; what leads from a state to the next leads from all states to as many more."""
    mask, factor, summand = 0xFFFFFFFF, 1_664_525, 1_013_904_223
    states = torch.tensor([(seed * factor + summand) & mask])
    while len(states) < length:
        # Both factors are below 2^32: their product's low bits are right in 64, whatever is lost above.
        states = torch.cat([states, (states * factor + summand) & mask])
        factor, summand = (factor * factor) & mask, (summand * factor + summand) & mask
    return (states[:length].double() / 2**31 - 1).float()
