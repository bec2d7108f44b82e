"""How far a model is from where rounding would decide: between experts, and on which side of a clamp a number is."""

from functools import partial

from pytorch.mlp import ClampedGate, Experts


class Margins:
    """The smallest distances to such places in all that a model computes from now on, and how much is clamped."""

    def __init__(self, model):
        self.smallest, self.clamped, self.unclamped = {}, 0, 0
        for module in model.modules():
            if isinstance(module, Experts):
                module.router.register_forward_hook(partial(self.see_scores, module.active))
            elif isinstance(module, ClampedGate):
                module.register_forward_hook(self.see_clamp)

    def see_scores(self, active, router, inputs, scores):
        ordered = scores.detach().sort(dim=-1, descending=True).values
        self.add("router", ordered[..., active - 1] - ordered[..., active])

    def see_clamp(self, gate, inputs, output):
        gates, ups = inputs[0].detach().chunk(2, dim=-1)
        for distance in (gates - gate.limit, ups.abs() - gate.limit):
            self.add("clamp", distance.abs())
            self.clamped += (distance > 0).sum().item()
            self.unclamped += (distance <= 0).sum().item()

    def add(self, decision, distances):
        self.smallest[decision] = min(distances.min().item(), self.smallest.get(decision, float("inf")))

    def __str__(self):
        text = ", ".join(f"{decision} {distance:.1e}" for decision, distance in self.smallest.items())
        total = self.clamped + self.unclamped
        return f"{text}; {self.clamped / total:.0%} clamped" if total else text
