"""Folders in Hugging Face's layout, read and written without its libraries, as anybody's script may."""

import json
import math

import torch
from torch import nn

from pytorch.config import Config, expand
from pytorch.decoders import DEFAULTS, decoder_logits
from pytorch.files import read_safetensors, write_json, write_safetensors
from pytorch.gpt import GPT
from pytorch.mlp import ACTIVATIONS
from pytorch.openai_gpt import openai_gpt_logits

# Our names and theirs; {} is the block. Their layers are Conv1D, whose weights are [in, out].
GPT2_NAMES = {
    "tokenEmbedding": "wte",
    "positionEmbedding": "wpe",
    "blocks.{}.attentionNorm": "h.{}.ln_1",
    "blocks.{}.attention.qkv": "h.{}.attn.c_attn",
    "blocks.{}.attention.projection": "h.{}.attn.c_proj",
    "blocks.{}.mlpNorm": "h.{}.ln_2",
    "blocks.{}.mlp.up": "h.{}.mlp.c_fc",
    "blocks.{}.mlp.down": "h.{}.mlp.c_proj",
    "finalNorm": "ln_f",
}


def gpt2_tensors(model):
    """The parameters under Hugging Face's names, to read or to fill: views, those of layers in Conv1D's order."""
    modules = dict(model.named_modules())
    tensors = {}
    for ours, theirs in GPT2_NAMES.items():
        for block in range(len(model.blocks) if "{}" in ours else 1):
            module = modules[ours.format(block)]
            for name, parameter in module.named_parameters():
                transposed = isinstance(module, nn.Linear) and name == "weight"
                tensors[f"{theirs.format(block)}.{name}"] = parameter.detach().t() if transposed else parameter.detach()
    if not model.tied:
        tensors["lm_head.weight"] = model.head.weight.detach()
    return tensors


def write_folder(folder, fields, tensors, shards=1):
    write_json(folder / "config.json", fields)
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return
    names = sorted(tensors)
    size = math.ceil(len(names) / shards)
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[shard * size : (shard + 1) * size]}
        write_safetensors(folder / file, part)
        weight_map.update({name: file for name in part})
    total = sum(value.numel() * value.element_size() for value in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def gpt2_config(config):
    return {
        "activation_function": config.activation,
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.1,
        "bos_token_id": config.vocabSize - 1,
        "embd_pdrop": 0.1,
        "eos_token_id": config.vocabSize - 1,
        "initializer_range": 0.02,
        "layer_norm_epsilon": config.epsilon,
        "model_type": "gpt2",
        "n_ctx": config.contextLength,
        "n_embd": config.dim,
        "n_head": config.heads,
        "n_inner": None if config.hiddenDim == 4 * config.dim else config.hiddenDim,
        "n_layer": config.layers,
        "n_positions": config.contextLength,
        "resid_pdrop": 0.1,
        "scale_attn_by_inverse_layer_idx": config.scaleAttentionByLayer,
        "scale_attn_weights": config.scaleAttention,
        "vocab_size": config.vocabSize,
    }


def folder_logits(folder, ids):
    """What the model in a folder computes for ids (B, T)."""
    settings = json.loads((folder / "config.json").read_text())
    if settings["model_type"] in DEFAULTS:
        return decoder_logits(settings, read_tensors(folder), ids)
    if settings["model_type"] == "openai-gpt":
        return openai_gpt_logits(settings, read_tensors(folder), ids)
    return load_gpt2(folder, settings)(ids)


def load_gpt2(folder, settings):
    """The model in a folder, by the conventions of Hugging Face's GPT2LMHeadModel."""
    if settings["model_type"] != "gpt2" or settings["activation_function"] not in ACTIVATIONS:
        raise SystemExit(f"{folder} holds no gpt2 model with a known activation: {settings}")
    config = Config(
        vocabSize=settings["vocab_size"],
        contextLength=settings["n_positions"],
        layers=settings["n_layer"],
        heads=settings["n_head"],
        dim=settings["n_embd"],
        hiddenDim=settings.get("n_inner") or 4 * settings["n_embd"],
        tiedHead=settings.get("tie_word_embeddings", True),
        epsilon=settings["layer_norm_epsilon"],
        activation=settings["activation_function"],
        scaleAttention=settings.get("scale_attn_weights", True),
        scaleAttentionByLayer=settings.get("scale_attn_by_inverse_layer_idx", False),
    )
    model = GPT(expand(config))
    found = {name.removeprefix("transformer."): value for name, value in read_tensors(folder).items()}
    targets = gpt2_tensors(model)
    ignored = {name for name in found if name.endswith((".attn.bias", ".attn.masked_bias"))} | {"lm_head.weight"}
    missing, unexpected = targets.keys() - found.keys(), found.keys() - targets.keys() - ignored
    if missing or unexpected:
        raise SystemExit(f"{folder}: missing {sorted(missing)}, unexpected {sorted(unexpected)}")
    for name, target in targets.items():
        if target.shape != found[name].shape:
            raise SystemExit(f"{folder}: {name} is {list(found[name].shape)}, expected {list(target.shape)}")
        target.copy_(found[name])
    return model


def read_tensors(folder):
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return read_safetensors(folder / "model.safetensors")
    weight_map = json.loads(index.read_text())["weight_map"]
    shards = {file: read_safetensors(folder / file) for file in set(weight_map.values())}
    return {name: shards[file][name] for name, file in weight_map.items()}
