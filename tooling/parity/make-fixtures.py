"""PyTorch's side of the parity tests: makes their fixtures, and reads folders that @gpt/gpt wrote.

    python3 make-fixtures.py                                    makes fixtures/ again, the same numbers
    python3 make-fixtures.py --full-size DIR                    writes GPT-1 and GPT-2 in full, with random weights
    python3 make-fixtures.py --check DIR --ids "[[1, 2, 3]]"    prints the logits of Hugging Face folders, as JSON; of
                                                                as many with --adapters DIR, folders of PEFT, merged

Needs Python 3.9 and PyTorch 1.12 or later with NumPy, nothing else. The committed numbers are those of PyTorch 1.13
under Debian 12 (apt-get install python3-torch libopenblas0-pthread), on one thread of an x86-64 processor; other
versions and processors may differ in the last bits.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from pytorch import variants
from pytorch.adapters import adapted_logits, make_adapters, read_adapter
from pytorch.attention import causal_attention, join_heads, split_heads
from pytorch.config import Config, expand
from pytorch.decoder_folders import FOLDERS
from pytorch.decoders import decoder_logits, random_tensors
from pytorch.files import write_json, write_safetensors
from pytorch.folders import folder_logits, gpt2_config, gpt2_tensors, write_folder
from pytorch.full_size import write_full_size
from pytorch.gpt import random_model
from pytorch.gpt_oss_original import original_config, original_logits, original_tensors
from pytorch.models import model_fixture, walk
from pytorch.openai_gpt import openai_gpt_logits, random_tensors as random_openai_gpt, write_release
from pytorch.programs import serve
from pytorch.rotary import rotary_table
from pytorch.tasks import make_tasks

FIXTURES = Path(__file__).parent / "fixtures"

# ---------------------------------------------------------------------------------------------------------------------
# Whole models.


def make_model_fixtures():
    # Sizes that are no multiples of the kernels' tiles; headDim 7.
    make_model_fixture("gpt2", Config(heads=4, dim=28, hiddenDim=112), seed=1)
    make_model_fixture("post-norm", Config(normPlacement="post"), seed=2)
    make_model_fixture("sinusoidal", Config(positions="sinusoidal"), seed=3)
    make_model_fixture("untied", Config(tiedHead=False, hiddenDim=30, epsilon=1e-3), seed=4)
    make_model_fixture("scaled-by-layer", Config(scaleAttentionByLayer=True, activation="gelu"), seed=9)
    make_model_fixture("unscaled", Config(scaleAttention=False, activation="silu"), seed=10)
    # As GPT-3: dense and banded layers in alternation, and heads that are wider together than the model.
    banded = Config(layers=3, headDim=5, hiddenDim=24, windows=[None, 4])
    make_model_fixture("gpt3", banded, seed=14)
    make_model_fixture("llama-parts", variants.llama_parts(), seed=12)
    make_model_fixture("windows-and-sinks", variants.windows_and_sinks(), seed=13)
    make_model_fixture("experts", variants.experts(), seed=30)
    make_model_fixture("balanced-experts", variants.balanced_experts(), seed=33)


def make_model_fixture(name, config, seed):
    fixture, tensors = model_fixture(name, config, seed)
    write_safetensors(FIXTURES / "models" / f"{name}.safetensors", tensors)
    write_json(FIXTURES / "models" / f"{name}.json", fixture)


# ---------------------------------------------------------------------------------------------------------------------
# Single ops, in float64 from inputs that float32 holds exactly.


def op_fixture(fn, **inputs):
    """The inputs, the result, a gradient of the result, and from it those of the floating-point inputs."""
    exact = {name: x.double().requires_grad_() if x.is_floating_point() else x for name, x in inputs.items()}
    out = fn(**exact)
    gradient = torch.randn(out.shape)
    out.backward(gradient.double())
    gradients = {f"gradient.{name}": x.grad for name, x in exact.items() if x.is_floating_point()}
    return {**inputs, "out": out.detach(), "gradient": gradient, **gradients}


def packed_attention(heads, kv_heads, head_dim, window=None):
    """Attention of packed projections, (B, T, (heads + 2 kv_heads) head_dim); query heads share key-value heads."""
    return lambda qkv: join_heads(causal_attention(*split_heads(qkv, heads, kv_heads, head_dim), window))


def adamw_fixture():
    """Steps of AdamW alone, with gradients from 0 over 1e-10, where epsilon matters, to 100."""
    start = torch.randn(4, 7)
    gradients = torch.randn(5, 4, 7) * torch.tensor([0, 1e-10, 1e-8, 1e-4, 1e-2, 1, 100])
    parameter = nn.Parameter(start.double())
    optimizer = torch.optim.AdamW([parameter], lr=0.05, betas=(0.8, 0.9), eps=1e-8, weight_decay=0.3)
    for gradient in gradients:
        parameter.grad = gradient.double()
        optimizer.step()
    return {"start": start, "gradients": gradients, "out": parameter.detach()}


def make_op_fixtures():
    torch.manual_seed(5)
    targets = torch.randint(0, 23, (9,))
    targets[[2, 5]] = -100
    logits = torch.randn(9, 23) * 8
    fixtures = {
        "attention": op_fixture(packed_attention(3, 3, 5), qkv=torch.randn(2, 9, 45) * 3),
        "groupedWindow": op_fixture(packed_attention(4, 2, 5, window=3), qkv=torch.randn(2, 9, 40) * 3),
        # Far from zero, where a variance that is computed as a difference of squares is wrong.
        "layerNorm": op_fixture(
            lambda x, weight, bias: F.layer_norm(x, (19,), weight, bias, 1e-5),
            x=torch.randn(6, 19) + 30,
            weight=torch.randn(19),
            bias=torch.randn(19),
        ),
        "gelu": op_fixture(lambda x: F.gelu(x, approximate="tanh"), x=torch.linspace(-6, 6, 49)),
        "crossEntropyMean": op_fixture(F.cross_entropy, input=logits, target=targets),
        "crossEntropyNone": op_fixture(
            lambda input, target: F.cross_entropy(input, target, reduction="none"), input=logits, target=targets
        ),
        "adamw": adamw_fixture(),
    }
    write_safetensors(
        FIXTURES / "ops.safetensors",
        {f"{op}.{name}": x for op, tensors in fixtures.items() for name, x in tensors.items()},
    )


# ---------------------------------------------------------------------------------------------------------------------
# Tables of rotary position embeddings.

POSITIONS = [0, 1, 7, 100, 4095, 100_000]


def make_rotary_fixtures():
    entries = [
        rotary_fixture(8, theta=10_000),
        rotary_fixture(8, theta=10_000, scaling={"type": "linear", "factor": 4}),
        rotary_fixture(16, theta=500_000, scaling=LLAMA_3_1),
        rotary_fixture(64, theta=150_000, scaling=GPT_OSS),
        rotary_fixture(16, theta=10_000, scaling=yarn(4, 4096, truncate=True, attentionFactor=1.25)),
        # Where the ramp would begin before the first dimension, and end after the last.
        rotary_fixture(8, theta=10, scaling=yarn(4, 1024, betaFast=512, truncate=True)),
    ]
    write_json(FIXTURES / "rotary.json", entries)


def rotary_fixture(head_dim, **rotary):
    table = rotary_table(rotary, head_dim, POSITIONS)
    rows = [[round(value, 9) + 0.0 for value in row] for row in table.tolist()]  # Without the sign of zero.
    return {"headDim": head_dim, "rotary": rotary, "positions": POSITIONS, "table": rows}


def yarn(factor, original_context, **changes):
    return {
        "type": "yarn",
        "factor": factor,
        "originalContext": original_context,
        "betaFast": 32,
        "betaSlow": 1,
        **changes,
    }


LLAMA_3_1 = {
    "type": "llama3",
    "factor": 8,
    "lowFrequencyFactor": 1,
    "highFrequencyFactor": 4,
    "originalContext": 8192,
}
GPT_OSS = yarn(32, 4096, truncate=False)


# ---------------------------------------------------------------------------------------------------------------------
# Folders in Hugging Face's layout.


def masks(model):
    """As in OpenAI's uploads: buffers of old versions, which are no weights."""
    T = model.config["contextLength"]
    tensors = {}
    for block in range(len(model.blocks)):
        tensors[f"h.{block}.attn.bias"] = torch.ones(1, 1, T, T).tril()
        tensors[f"h.{block}.attn.masked_bias"] = torch.tensor(-1e4)
    return tensors


def tied_head(model):
    """The token embedding once more, under the name of the head that shares it."""
    return {"lm_head.weight": model.tokenEmbedding.weight.detach()}


def make_folder(name, config, seed, dtype=torch.float32, prefix="", extra=lambda model: {}, shards=1, fields={}):
    """A folder as it is found on the hub, and beside it, what PyTorch computes from it."""
    model = random_model(expand(config), seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype))  # What the file will hold.
        ids, _ = walk(config.vocabSize, batch=2, length=4)
        logits = model(ids)
    tensors = {prefix + key: value for key, value in gpt2_tensors(model).items()}
    tensors = {key: value.to(dtype) for key, value in {**tensors, **extra(model)}.items()}
    write_folder(FIXTURES / "folders" / name, {**gpt2_config(config), **fields}, tensors, shards)
    write_json(FIXTURES / "folders" / f"{name}.json", {"ids": ids.tolist(), "logits": logits.tolist()})


def make_folders():
    make_folder("bare", Config(), seed=6, extra=masks)
    changes = Config(hiddenDim=30, epsilon=1e-2)
    make_folder("prefixed-float16", changes, seed=7, dtype=torch.float16, prefix="transformer.", extra=tied_head)
    scaled = Config(scaleAttention=False, scaleAttentionByLayer=True, activation="gelu")
    make_folder("scaled-by-layer", scaled, seed=11)
    # The order of a product, and entries of the vocabulary that no tokenizer has.
    settings = Config(vocabSize=64, hiddenDim=30, activation="gelu", scaleAttentionByLayer=True)
    make_folder("settings", settings, seed=15, fields={"reorder_and_upcast_attn": True, "scale_attn_weights": True})
    make_folder("sharded-bfloat16", Config(), seed=8, dtype=torch.bfloat16, prefix="transformer.", shards=3)


OPENAI_GPT = dict(
    model_type="openai-gpt",
    afn="gelu",
    layer_norm_epsilon=1e-5,
    n_ctx=16,
    n_embd=12,
    n_head=3,
    n_layer=2,
    n_positions=16,
    n_special=0,
    vocab_size=31,
)


def make_openai_gpt_folders():
    """GPT-1 as Hugging Face's classes without and with a head save it, and as OpenAI released it."""
    make_openai_gpt("gpt1", OPENAI_GPT, seed=50, extra={"h.0.attn.bias": torch.ones(1, 1, 16, 16).tril()})
    changes = dict(afn="silu", layer_norm_epsilon=1e-2, tie_word_embeddings=False)
    head = {"lm_head.weight": torch.randn(31, 12, generator=torch.manual_seed(53))}
    make_openai_gpt("gpt1-prefixed", {**OPENAI_GPT, **changes}, seed=51, prefix="transformer.", extra=head)
    # The release does not say how many heads there are: 12.
    make_openai_gpt("gpt1-release", dict(OPENAI_GPT, n_embd=24, n_head=12, n_layer=1), seed=52, write=write_release)


def make_openai_gpt(name, config, seed, prefix="", extra={}, write=write_folder):
    tensors = random_openai_gpt(config, seed)
    ids, _ = walk(config["vocab_size"], batch=2, length=12)
    logits = openai_gpt_logits(config, {**tensors, **extra}, ids)
    write(FIXTURES / "folders" / name, config, {**{prefix + key: value for key, value in tensors.items()}, **extra})
    rows = [[[round(value, 6) for value in row] for row in sequence] for sequence in logits.tolist()]
    write_json(FIXTURES / "folders" / f"{name}.json", {"ids": ids.tolist(), "logits": rows})


#: How far float32 may be from float64 in a fixture: beyond it a token may take another expert.
STABLE = 3e-6


def make_decoder_folders():
    for number, (name, fields) in enumerate(FOLDERS.items()):
        tensors = random_tensors(fields, seed=40 + number)
        tensors = {key: value if value.dtype == torch.uint8 else value.bfloat16() for key, value in tensors.items()}
        make_decoder_folder(name, fields, tensors, decoder_logits)
        if name == "gpt-oss-mxfp4":  # The same model in OpenAI's own layout.
            make_decoder_folder("gpt-oss-original", original_config(fields), original_tensors(fields, tensors), original_logits)


def make_decoder_folder(name, fields, tensors, logits_of):
    # A longer walk than windows and the original contexts of scalings.
    ids, _ = walk(fields["vocab_size"], batch=2, length=12)
    logits = logits_of(fields, tensors, ids)
    exact = logits_of(fields, tensors, ids, torch.float64)
    deviation = ((logits - exact).norm() / exact.norm()).item()
    print(f"{name}: float32 is {deviation:.1e} from float64")
    if deviation > STABLE:
        raise SystemExit(f"{name}: take another seed")
    if name == "llama-linear":  # As a class without a head saves it, and as old releases did.
        tensors = {key.replace("model.", "", 1): value for key, value in tensors.items()}
        tensors["layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(2)
    write_folder(FIXTURES / "folders" / name, fields, tensors)
    rows = [[[round(value, 6) for value in row] for row in sequence] for sequence in logits.tolist()]
    write_json(FIXTURES / "folders" / f"{name}.json", {"ids": ids.tolist(), "logits": rows})


def main():
    torch.set_num_threads(1)  # One order of summation.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="DIR", type=Path, nargs="+", help="folders whose logits to print, a line each")
    parser.add_argument("--ids", metavar="JSON", type=json.loads, help="token ids, a list for each sequence")
    parser.add_argument("--adapters", metavar="DIR", type=Path, nargs="+", help="an adapter for each of these folders")
    parser.add_argument("--full-size", metavar="DIR", type=Path, help="write models of 117M and 124M parameters there")
    parser.add_argument("--programs", action="store_true", help="read programs, a line each, and print what they compute")
    options = parser.parse_args()
    if options.programs:
        serve(sys.stdin, sys.stdout)
    elif options.full_size:
        with torch.no_grad():
            write_full_size(options.full_size)
    elif options.check:
        if not options.ids:
            parser.error("--check needs --ids")
        with torch.no_grad():
            ids = torch.tensor(options.ids)
            for number, folder in enumerate(options.check):
                adapter = options.adapters and read_adapter(options.adapters[number])
                logits = adapted_logits(folder, *adapter, ids) if adapter else folder_logits(folder, ids)
                print(json.dumps(logits.tolist()))
    else:
        make_model_fixtures()
        make_op_fixtures()
        make_rotary_fixtures()
        make_folders()
        make_openai_gpt_folders()
        make_decoder_folders()
        make_adapters(FIXTURES, walk)
        make_tasks(FIXTURES)


if __name__ == "__main__":
    main()
