"""GPT-1 and GPT-2 in full, with random weights as models begin with, and what they compute."""

import torch

from pytorch.config import Config, expand
from pytorch.files import write_safetensors
from pytorch.folders import folder_logits, gpt2_config, gpt2_tensors, write_folder
from pytorch.gpt import GPT
from pytorch.openai_gpt import random_tensors, write_release

STD = 0.02
TOKENS = 64

GPT1 = dict(
    model_type="openai-gpt", afn="gelu", layer_norm_epsilon=1e-5, n_embd=768, n_head=12, n_layer=12, n_positions=512,
    vocab_size=40_478,
)
GPT2 = Config(vocabSize=50_257, contextLength=1024, layers=12, heads=12, dim=768, hiddenDim=3072)


def write_full_size(directory):
    """The folders gpt1, gpt1-release (the same in OpenAI's form) and gpt2, and beside them ids and logits."""
    tensors = random_tensors(GPT1, seed=60, std=STD)
    write_folder(directory / "gpt1", GPT1, tensors)
    write_release(directory / "gpt1-release", GPT1, tensors)
    write_folder(directory / "gpt2", gpt2_config(GPT2), gpt2_tensors(random_gpt2()))
    for name, vocab_size in (("gpt1", GPT1["vocab_size"]), ("gpt2", GPT2.vocabSize)):
        ids = torch.randint(vocab_size, (1, TOKENS), generator=torch.manual_seed(61))
        write_safetensors(directory / f"{name}.safetensors", {"ids": ids, "logits": folder_logits(directory / name, ids)})


def random_gpt2():
    torch.manual_seed(62)
    model = GPT(expand(GPT2))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=STD)
            if name.endswith("Norm.weight"):
                parameter.add_(1)
    return model
