"""Losses of the tasks that models are tuned to, and their gradients: from the definitions, by padding and all logits, in float64.

Of each gradient there are its norm, and its products with four waves, by which it is told from others as well as by its values.
"""

import json
import random

import torch
from torch.nn import functional as F

from pytorch.config import Config, expand
from pytorch.files import read_safetensors, write_json
from pytorch.gpt import GPT

BETA, SMOOTHING = 0.3, 0.1
CLASS_WEIGHTS = [0.5, 2.0, 1.0]
LM_WEIGHT = 0.5


def make_tasks(fixtures):
    for name in ("gpt2", "llama-parts"):
        config = json.loads((fixtures / "models" / f"{name}.json").read_text())["config"]
        long = config if "blocks" in config else expand(Config(**config))
        tensors = read_safetensors(fixtures / "models" / f"{name}.safetensors")
        data = examples(random.Random(name), long["vocabSize"], long["dim"])
        results = {}
        for task, loss_of in tasks(data).items():
            model = GPT(long).double()
            model.load_state_dict({key: tensors[f"weights.{key}"].double() for key, _ in model.named_parameters()})
            scores = {"classes": data["classes"], "score": data["score"]}
            heads = {key: torch.tensor(value).float().double().requires_grad_() for key, value in scores.items()}
            loss = loss_of(model, heads)
            loss.backward()
            used = [("head.weight", head) for head in heads.values() if head.grad is not None]
            found = [(key, value) for key, value in model.named_parameters() if not (used and key == "head.weight")] + used
            gradients = {key: summary(value.grad) for key, value in found if value.grad is not None}
            results[task] = {"loss": loss.item(), "gradients": gradients}
        write_json(fixtures / "tasks" / f"{name}.json", {**data, "options": OPTIONS, "results": results})


OPTIONS = {"beta": BETA, "labelSmoothing": SMOOTHING, "classWeights": CLASS_WEIGHTS, "languageModelWeight": LM_WEIGHT}


def summary(gradient):
    flat = gradient.flatten()
    places = torch.arange(1, len(flat) + 1, dtype=torch.float64)
    return [flat.norm().item()] + [(flat * torch.cos(k * places)).sum().item() for k in (1, 2, 3, 4)]


def examples(draw, vocab, dim):
    def text(shortest, longest):
        return [draw.randrange(vocab) for _ in range(draw.randint(shortest, longest))]

    def masked(prompt):
        answer = text(1, 6)
        return {"ids": prompt + answer, "mask": [0] * len(prompt) + [1] * len(answer)}

    def head(rows):
        return [[round(draw.uniform(-1, 1), 3) for _ in range(dim)] for _ in range(rows)]

    pairs = []
    for _ in range(4):
        prompt = text(1, 6)
        pair = {"chosen": masked(prompt), "rejected": masked(prompt)}
        pair["reference"] = [round(-4 * sum(pair[side]["mask"]) + draw.uniform(-2, 2), 2) for side in ("chosen", "rejected")]
        pairs.append(pair)
    several = {"ids": text(9, 9), "mask": [0, 1, 1, 0, 0, 1, 0, 1, 0]}
    questions = []
    for choices in (2, 4, 3):
        context = text(1, 8)
        questions.append({"choices": [context + text(1, 6) for _ in range(choices)], "answer": draw.randrange(choices)})
    return {
        "examples": [masked(text(1, 8)) for _ in range(4)] + [several, {"ids": text(2, 2), "mask": [0, 1]}],
        "labelled": [{"ids": text(1, 14), "label": label} for label in (0, 1, 1, 2, 0)] + [{"ids": text(1, 1), "label": 2}],
        "questions": questions,
        "pairs": pairs,
        "classes": head(3),
        "score": head(1),
    }


def hidden_states(model, ids):
    x = model.tokenEmbedding(ids) + model.positions(ids.shape[1])
    for block in model.blocks:
        x = block(x)
    return model.finalNorm(x) if "finalNorm" in model.config else x


def padded(texts):
    length = max(len(ids) for ids in texts)
    return torch.tensor([ids + [0] * (length - len(ids)) for ids in texts])


def last_states(model, texts):
    states = hidden_states(model, padded(texts))
    return torch.stack([states[i, len(ids) - 1] for i, ids in enumerate(texts)])


def token_log_probabilities(model, ids):
    """Of each token behind the first one."""
    logits = model(torch.tensor([ids]))[0, :-1]
    return logits.log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]


def next_token(model, data):
    ids = padded([example["ids"] for example in data])
    mask = padded([example["mask"] for example in data])[:, 1:].double()
    log_probabilities = model(ids)[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
    return -(log_probabilities * mask).sum() / mask.sum()


def own_tokens(model, ids):
    """The language model's loss of a text, by the token embedding as the head."""
    if len(ids) == 1:
        return torch.tensor(0.0, dtype=torch.float64)
    states = hidden_states(model, torch.tensor([ids]))[0, :-1]
    return F.cross_entropy(states @ model.tokenEmbedding.weight.T, torch.tensor(ids[1:]))


def classification(model, head, data, class_weights, lm_weight):
    scores = last_states(model, [example["ids"] for example in data]) @ head.T
    total, weights = 0, 0
    for row, example in zip(scores, data):
        weight = class_weights[example["label"]]
        loss = -row.log_softmax(0)[example["label"]]
        if lm_weight:
            loss = loss + lm_weight * own_tokens(model, example["ids"])
        total, weights = total + weight * loss, weights + weight
    return total / weights


def choice(model, head, data, lm_weight):
    total = 0
    for question in data:
        scores = (last_states(model, question["choices"]) @ head.T)[:, 0]
        total = total - scores.log_softmax(0)[question["answer"]]
        if lm_weight:
            total = total + lm_weight * sum(own_tokens(model, ids) for ids in question["choices"]) / len(question["choices"])
    return total / len(data)


def preference(model, data, beta, smoothing):
    def log_probability(example):
        return (token_log_probabilities(model, example["ids"]) * torch.tensor(example["mask"][1:])).sum()

    total = 0
    for pair in data:
        chosen, rejected = (log_probability(pair[side]) - pair["reference"][i] for i, side in enumerate(("chosen", "rejected")))
        margin = beta * (chosen - rejected)
        total = total - (1 - smoothing) * F.logsigmoid(margin) - smoothing * F.logsigmoid(-margin)
    return total / len(data)


def tasks(data):
    """By name, the loss of a model with these heads."""
    labelled, questions, pairs, same = data["labelled"], data["questions"], data["pairs"], [1.0] * 3
    return {
        "next-token": lambda model, heads: next_token(model, data["examples"]),
        "classification": lambda model, heads: classification(model, heads["classes"], labelled, same, 0),
        "classification-weighted": lambda model, heads: classification(model, heads["classes"], labelled, CLASS_WEIGHTS, 0),
        "classification-with-text": lambda model, heads: classification(model, heads["classes"], labelled, CLASS_WEIGHTS, LM_WEIGHT),
        "choice": lambda model, heads: choice(model, heads["score"], questions, 0),
        "choice-with-text": lambda model, heads: choice(model, heads["score"], questions, LM_WEIGHT),
        "preference": lambda model, heads: preference(model, pairs, BETA, 0),
        "preference-smoothed": lambda model, heads: preference(model, pairs, BETA, SMOOTHING),
    }
