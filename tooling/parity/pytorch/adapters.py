"""Low-rank adapters in the folders of Hugging Face's PEFT: what a model computes with one, by merging it, as PEFT's documentation
and the papers of LoRA, rsLoRA and DoRA say. Neither PEFT nor transformers is needed."""

import json
import math
import re

import torch
from torch.nn.utils.stateless import functional_call

from pytorch.decoders import DEFAULTS, decoder_logits
from pytorch.files import read_safetensors, write_json, write_safetensors
from pytorch.folders import GPT2_NAMES, load_gpt2, read_tensors

PREFIX = "base_model.model."

# ---------------------------------------------------------------------------------------------------------------------
# Which layers have an adapter, of which rank and alpha.


def linear_layers(tensors, fields):
    """The linear layers of the class with a head, but the head, by their names: (inputs, outputs)."""
    layers = {}
    for name, value in tensors.items():
        if value.dim() != 2 or not re.search(r"\.(c_attn|c_proj|c_fc|[a-z]+_proj)\.weight$", name):
            continue
        if fields["model_type"] == "gpt2":
            layers["transformer." + name.removeprefix("transformer.").removesuffix(".weight")] = tuple(value.shape)
        else:
            layers[name.removesuffix(".weight")] = tuple(value.shape)[::-1]
    return layers


def is_target(config, name):
    """A text is an expression of whole names, a list has names or their ends, of the layers that layers_to_transform names."""

    def ends(names):
        return any(name == one or name.endswith("." + one) for one in names)

    excluded, targets = config.get("exclude_modules"), config["target_modules"]
    if excluded and (re.fullmatch(excluded, name) if isinstance(excluded, str) else ends(excluded)):
        return False
    if isinstance(targets, str):
        return bool(re.fullmatch(targets, name))
    if name in targets:
        return True
    layers = config.get("layers_to_transform")
    if layers is None or layers == []:
        return ends(targets)
    number = re.match(r".*?\.[^.]*\.(\d+)\.", name)
    return ends(targets) and number is not None and int(number[1]) in (layers if isinstance(layers, list) else [layers])


def by_pattern(pattern, name, default):
    """The value of the first key that is the name or its end, as an expression."""
    return next((value for key, value in (pattern or {}).items() if re.match(rf"(.*\.)?({key})$", name)), default)


def layers_of(config, layers):
    """The layers that have an adapter: their ranks and alphas."""
    return {
        name: (by_pattern(config.get("rank_pattern"), name, config["r"]), by_pattern(config.get("alpha_pattern"), name, config["lora_alpha"]))
        for name in layers
        if is_target(config, name)
    }


# ---------------------------------------------------------------------------------------------------------------------
# What is computed.


def read_adapter(folder):
    return json.loads((folder / "adapter_config.json").read_text()), read_safetensors(folder / "adapter_model.safetensors")


def merged(config, adapter, tensors, fields):
    """The tensors of a model with what an adapter adds to them. All tensors of the adapter must be used."""
    left = set(adapter)

    def take(name):
        left.remove(name)
        return adapter[name].float()

    changed = dict(tensors)
    for name, (rank, alpha) in layers_of(config, linear_layers(tensors, fields)).items():
        a, b = take(f"{PREFIX}{name}.lora_A.weight"), take(f"{PREFIX}{name}.lora_B.weight")
        if a.shape[0] != rank or b.shape[1] != rank:
            raise SystemExit(f"{name}: A {list(a.shape)} and B {list(b.shape)} are not of rank {rank}")
        scale = alpha / (math.sqrt(rank) if config["use_rslora"] else rank)
        key = name + ".weight" if name + ".weight" in tensors else name.removeprefix("transformer.") + ".weight"
        weight = tensors[key].t() if config["fan_in_fan_out"] else tensors[key]
        weight = weight + scale * (b @ a)
        if config["use_dora"]:
            magnitude = take(f"{PREFIX}{name}.lora_magnitude_vector")
            weight = (magnitude / weight.norm(dim=1).detach())[:, None] * weight
        changed[key] = weight.t() if config["fan_in_fan_out"] else weight
    if left:
        raise SystemExit(f"tensors of layers that target_modules does not name: {sorted(left)}")
    return changed


def adapted_logits(folder, config, adapter, ids):
    """Logits (B, T, vocab_size) of the model in a folder, with an adapter."""
    fields = json.loads((folder / "config.json").read_text())
    tensors = {name: value.float() for name, value in read_tensors(folder).items()}
    changed = merged(config, adapter, tensors, fields)
    if fields["model_type"] in DEFAULTS:
        return decoder_logits(fields, changed, ids)
    with torch.no_grad():
        model = load_gpt2(folder, fields)
    weights = {}
    for ours, theirs in GPT2_NAMES.items():
        for block in range(len(model.blocks)):
            key = theirs.format(block) + ".weight"
            if changed.get(key) is not tensors.get(key):
                weights[ours.format(block) + ".weight"] = changed[key].t()
    return functional_call(model, weights, (ids,))


# ---------------------------------------------------------------------------------------------------------------------
# Fixtures.

#: As PEFT 0.19 saves it.
SAVED = dict(
    alora_invocation_tokens=None, alpha_pattern={}, arrow_config=None, auto_mapping=None, base_model_name_or_path="somebody/model",
    bias="none", corda_config=None, ensure_weight_tying=False, eva_config=None, exclude_modules=None, fan_in_fan_out=False,
    inference_mode=True, init_lora_weights=True, layer_replication=None, layers_pattern=None, layers_to_transform=None,
    loftq_config={}, lora_alpha=8, lora_bias=False, lora_dropout=0.0, megatron_config=None, megatron_core="megatron.core",
    modules_to_save=None, peft_type="LORA", peft_version="0.19.0", qalora_group_size=16, r=8, rank_pattern={}, revision=None,
    target_modules=None, target_parameters=None, task_type="CAUSAL_LM", trainable_token_indices=None, use_dora=False,
    use_qalora=False, use_rslora=False,
)

#: By name: the folder of the model, the dtype of the file, what the configuration says.
ADAPTERS = {
    "gpt2-lora": ("bare", torch.float32, dict(r=3, lora_alpha=5, target_modules=["c_attn", "c_proj"], rank_pattern={"attn.c_proj": 2})),
    "gpt2-rslora": ("bare", torch.float16, dict(r=2, lora_alpha=4, use_rslora=True, target_modules=r".*\.1\.(attn|mlp)\.c_\w+",
                                               alpha_pattern={r"mlp\.c_(fc|proj)": 7})),
    "gpt2-dora": ("bare", torch.float32, dict(r=2, use_dora=True, target_modules=["c_attn", "c_fc", "attn.c_proj"])),
    "llama-lora": ("llama", torch.bfloat16, dict(r=2, lora_alpha=6, target_modules=["q_proj", "v_proj", "down_proj"],
                                                 rank_pattern={"^model.layers.0.self_attn.q_proj": 4}, layers_to_transform=[0, 1],
                                                 exclude_modules=["layers.1.mlp.down_proj"])),
    "llama-rslora": ("llama", torch.float32, dict(r=3, use_rslora=True, alpha_pattern={"k_proj": 2, r"layers\.1\..*": 9},
                                                  rank_pattern={"gate_proj": 1, "k_proj": 5},
                                                  target_modules=["k_proj", "o_proj", "gate_proj", "up_proj"], layers_to_transform=1)),
    "llama-dora": ("llama", torch.float32, dict(r=2, use_dora=True, use_rslora=True, target_modules=["q_proj", "k_proj", "gate_proj", "o_proj"])),
}


def random_adapter(config, layers, dtype):
    """Values of the size that training gives them."""
    tensors = {}
    for name, (rank, _) in layers_of(config, layers).items():
        inputs, outputs = layers[name]
        tensors[f"{PREFIX}{name}.lora_A.weight"] = torch.randn(rank, inputs) / math.sqrt(inputs)
        tensors[f"{PREFIX}{name}.lora_B.weight"] = torch.randn(outputs, rank) / 2
        if config["use_dora"]:
            tensors[f"{PREFIX}{name}.lora_magnitude_vector"] = 0.5 + torch.rand(outputs)
    return {name: value.to(dtype) for name, value in tensors.items()}


def make_adapters(fixtures, walk):
    for number, (name, (folder, dtype, changes)) in enumerate(ADAPTERS.items()):
        torch.manual_seed(60 + number)
        base = fixtures / "folders" / folder
        fields = json.loads((base / "config.json").read_text())
        config = {**SAVED, **changes, "fan_in_fan_out": fields["model_type"] == "gpt2"}
        adapter = random_adapter(config, linear_layers(read_tensors(base), fields), dtype)
        values = {key: value.float().requires_grad_() for key, value in adapter.items()}
        ids, targets = walk(fields["vocab_size"], batch=2, length=8)
        logits = adapted_logits(base, config, values, ids)
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        target = fixtures / "adapters" / name
        write_json(target / "adapter_config.json", config)
        write_safetensors(target / "adapter_model.safetensors", adapter)
        gradients = {f"gradient.{key}": value.grad for key, value in values.items()}
        write_safetensors(fixtures / "adapters" / f"{name}.safetensors", {"logits": logits.detach(), **gradients})
        write_json(fixtures / "adapters" / f"{name}.json", {"folder": folder, "ids": ids.tolist(), "targets": targets.tolist()})
    write_json(fixtures / "adapters.json", make_targets(fixtures))


#: What may be said of layers, by the names that the library here has for it.
TARGETS = {
    "bare": [
        dict(target_modules=["c_attn"]),
        dict(target_modules=["c_proj"], exclude_modules=["mlp.c_proj"]),
        dict(target_modules=["attn.c_proj", "transformer.h.1.mlp.c_fc"], layers_to_transform=[0]),
        dict(target_modules=r".*\.h\.[0-9]\.mlp.*", exclude_modules=r".*fc"),
        dict(target_modules=r"transformer\.h\.(0\.attn|1\.mlp)\.c_(attn|proj)"),
        dict(target_modules=["c_fc", "c_proj"], rank_pattern={"c_proj": 2, "attn.c_proj": 3}, alpha_pattern={"attn.c_proj": 3, "c_proj": 2}),
        dict(target_modules=["c_attn"], rank_pattern={r"h\.\d\.attn\.c_attn": 5, "c_attn": 6}),
        dict(target_modules=["c_attn"], rank_pattern={"attn": 5, "_attn": 6, "c.attn": 7}),
        dict(target_modules=["h.1.attn.c_attn", "c_fc"], layers_to_transform=1),
        dict(target_modules=["c_fc"], layers_to_transform=[]),
    ],
    "llama": [
        dict(target_modules=["q_proj", "v_proj"]),
        dict(target_modules=["self_attn.q_proj", "mlp.up_proj"], layers_to_transform=[1]),
        dict(target_modules=r".*(q|k)_proj$"),
        dict(target_modules=r"model\.layers\.1\.(?:self_attn|mlp)\.(?:q_proj|down_proj)"),
        dict(target_modules=r"(?:.*?(?:self_attn|mlp).*?(?:k_proj|gate_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.mlp\.up_proj)"),
        dict(target_modules=["q_proj", "k_proj"], rank_pattern={"^model.layers.0.self_attn.q_proj": 3, "^layers.0.self_attn.k_proj": 4}),
        dict(target_modules=["q_proj", "k_proj"], rank_pattern={"q_proj|k_proj": 3}, alpha_pattern={"layers.[01].self_attn.q_proj": 1.5}),
        dict(target_modules=["o_proj", "gate_proj"], alpha_pattern={r".*\.0\..*": 2}),
        dict(target_modules=["o_proj"], exclude_modules=["model.layers.0.self_attn.o_proj"]),
        dict(target_modules=["gate_proj"], rank_pattern={"gate": 3, "proj": 4, "layers.1": 5}),
    ],
}


def make_targets(fixtures):
    """For each of these, the layers with their ranks and alphas."""
    cases = []
    for folder, settings in TARGETS.items():
        fields = json.loads((fixtures / "folders" / folder / "config.json").read_text())
        layers = linear_layers(read_tensors(fixtures / "folders" / folder), fields)
        for one in settings:
            found = layers_of({"r": 8, "lora_alpha": 16, **one}, layers)
            cases.append({"folder": folder, "settings": one, "layers": found})
    return cases
