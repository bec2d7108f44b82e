"""A product of matrices of f32 on CUDA: see the setup of work-ours.ts."""

import torch
from numbers_torch import random_numbers
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


serve(open_product, torch.__version__)
