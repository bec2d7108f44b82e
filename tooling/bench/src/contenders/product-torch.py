"""A product of matrices of f32 on CUDA: see the setup of work-ours.ts."""

import torch
from serve import serve, time_calls

# Waiting for the device does not count in so many calls.
CALLS = 16


def open_product(setup):
    work, device = setup["work"], torch.device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = False
    m, k, n = (work[size] for size in "mkn")
    a, b = random_numbers(m * k, 1).view(m, k).to(device), random_numbers(k * n, 2).view(k, n).to(device)
    out = torch.empty(m, n, device=device)

    def calls():
        for _ in range(CALLS):
            torch.mm(a, b, out=out)
        torch.cuda.synchronize()

    def run(task):
        times = [time / CALLS for time in time_calls(setup["milliseconds"], calls)]
        places = torch.arange(64) * (m * n - 1) // 63
        return {"times": times, "probes": out.flatten()[places.to(device)].tolist()}

    return run


def random_numbers(length, seed):
    """Those of models/numbers.ts; what leads from a state to the next leads from all states to as many more."""
    mask, factor, summand = 0xFFFFFFFF, 1_664_525, 1_013_904_223
    states = torch.tensor([(seed * factor + summand) & mask])
    while len(states) < length:
        # Both factors are below 2^32: their product's low bits are right in 64, whatever is lost above.
        states = torch.cat([states, (states * factor + summand) & mask])
        factor, summand = (factor * factor) & mask, (summand * factor + summand) & mask
    return (states[:length].double() / 2**31 - 1).float()


serve(open_product, torch.__version__)
