"""The training step of @gpt/gpt in PyTorch: see TrainingSetup. Parameters have the paths of its modules."""

import math
import resource

import numpy
import torch
from serve import serve, time_calls
from torch import nn
from torch.nn import functional as F

KEPT_LOSSES = 3


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config["blocks"][0]["attention"]["heads"]
        self.qkv = nn.Linear(config["dim"], 3 * config["dim"])
        self.projection = nn.Linear(config["dim"], config["dim"])
        length = config["contextLength"]
        self.register_buffer("hidden", torch.ones(length, length, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(C, dim=2))
        return self.projection(self.attend(q, k, v).transpose(1, 2).reshape(B, T, C))

    def attend(self, q, k, v):
        if hasattr(F, "scaled_dot_product_attention"):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        T = q.shape[-2]
        scores = q @ k.transpose(-2, -1) * (1 / math.sqrt(q.shape[-1]))
        return scores.masked_fill(self.hidden[:T, :T], -math.inf).softmax(-1) @ v


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden_dim = config["blocks"][0]["mlp"]["hiddenDim"]
        self.up = nn.Linear(config["dim"], hidden_dim)
        self.down = nn.Linear(hidden_dim, config["dim"])

    def forward(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        epsilon = config["blocks"][0]["norm"]["epsilon"]
        self.attentionNorm = nn.LayerNorm(config["dim"], epsilon)
        self.attention = Attention(config)
        self.mlpNorm = nn.LayerNorm(config["dim"], epsilon)
        self.mlp = FeedForward(config)

    def forward(self, x):
        x = x + self.attention(self.attentionNorm(x))
        return x + self.mlp(self.mlpNorm(x))


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.tokenEmbedding = nn.Embedding(config["vocabSize"], config["dim"])
        self.positionEmbedding = nn.Embedding(config["contextLength"], config["dim"])
        self.blocks = nn.ModuleList(Block(config) for _ in config["blocks"])
        self.finalNorm = nn.LayerNorm(config["dim"], config["finalNorm"]["epsilon"])

    def loss(self, ids, targets):
        x = self.tokenEmbedding(ids) + self.positionEmbedding.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.finalNorm(x), self.tokenEmbedding.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def load(model, setup):
    values = numpy.memmap(setup["weights"], dtype="<f4", mode="r")
    parameters, position = dict(model.named_parameters()), 0
    for entry in setup["parameters"]:
        parameter = parameters.pop(entry["path"])
        if list(parameter.shape) != entry["shape"]:
            raise ValueError(f"{entry['path']} is {list(parameter.shape)}, not {entry['shape']}")
        part = numpy.array(values[position : position + parameter.numel()])
        parameter.data.copy_(torch.from_numpy(part).view(parameter.shape))
        position += parameter.numel()
    if parameters or position != len(values):
        raise ValueError(f"{setup['weights']} does not fit the model: {list(parameters)}")


class Trainer:
    def __init__(self, setup):
        torch.set_num_threads(setup["threads"])
        B, T = setup["batch"], setup["context"]
        device = torch.device(setup.get("device", "cpu"))
        tokens = torch.tensor(setup["tokens"], device=device)
        self.ids, self.targets = tokens[:-1].view(B, T), tokens[1:].view(B, T)
        self.model = GPT(setup["config"])
        load(self.model, setup)
        self.model.to(device)
        settings = setup["optimizer"]
        self.clip = settings["clip"]
        parameters = list(self.model.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": settings["weightDecay"]},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        betas = (settings["beta1"], settings["beta2"])
        self.optimizer = torch.optim.AdamW(groups, lr=settings["learningRate"], betas=betas, eps=settings["epsilon"])
        self.losses = []

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(self.ids, self.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        value = loss.item()
        if len(self.losses) < KEPT_LOSSES:
            self.losses.append(value)

    def run(self, task):
        times = time_calls(task["milliseconds"], self.step)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"times": times, "losses": self.losses, "peakBytes": peak * 1024}


serve(lambda setup: Trainer(setup).run, torch.__version__)
