"""Configurations in the long form: what later models have and GPT-2 lacks, each part in at least one block."""

LAYER_NORM = {"type": "layer", "epsilon": 1e-5}
RMS_NORM = {"type": "rms", "epsilon": 1e-6}
# An epsilon larger than models have, so that another one shows in the numbers.
RMS_NORM_OF_LARGE_EPSILON = {"type": "rms", "epsilon": 1e-2}


def block(norm, attention, mlp):
    return {"place": "pre", "norm": norm, "attention": attention, "mlp": mlp}


def llama_parts():
    """A block as in Llama, and one that has the scaling of Llama 3.1, and norms of heads and biases as in Qwen."""
    heads = {"heads": 4, "kvHeads": 2, "headDim": 6}
    mlp = {"type": "gated", "hiddenDim": 28, "gate": "silu"}
    # Wavelengths of 6, 20 and 61 tokens: one is kept, one divided by the factor, one between. (No wavelength is below
    # 2π tokens, so that with Llama's own factors, 1 and 4, a context of 8 would keep none.)
    scaling = {
        "type": "llama3",
        "factor": 4,
        "lowFrequencyFactor": 0.25,
        "highFrequencyFactor": 1,
        "originalContext": 8,
    }
    llama = {**heads, "rotary": {"theta": 10_000}}
    qwen = {**heads, "bias": True, "rotary": {"theta": 30, "scaling": scaling}, "headNorm": RMS_NORM_OF_LARGE_EPSILON}
    return {
        "vocabSize": 61,
        "contextLength": 16,
        "dim": 20,
        "positions": "none",
        "blocks": [block(RMS_NORM, llama, mlp), block(RMS_NORM, qwen, mlp)],
        "finalNorm": RMS_NORM,
        "head": {"type": "linear"},
    }


def windows_and_sinks():
    """Windows in even blocks and sinks in all, as in gpt-oss; else as GPT-3."""
    full = {"heads": 6, "kvHeads": 2, "headDim": 4, "bias": True, "outputBias": True, "sinks": True}
    windowed = {**full, "window": 4}
    mlp = {"type": "dense", "hiddenDim": 36, "activation": "gelu_new", "bias": True}
    return {
        "vocabSize": 61,
        "contextLength": 16,
        "dim": 20,
        "positions": "learned",
        "blocks": [block(LAYER_NORM, attention, mlp) for attention in (windowed, full, windowed)],
        "finalNorm": LAYER_NORM,
        "head": {"type": "tied"},
    }


def balanced_experts():
    """Mixtral's parts, with the losses of its routers, whose coefficients are larger than models have."""
    attention = {"heads": 3, "kvHeads": 1, "headDim": 6, "rotary": {"theta": 10_000}}
    silu = {"type": "gated", "hiddenDim": 10, "gate": "silu"}
    mlp = {"type": "experts", "count": 5, "active": 2, "expert": silu, "balanceLoss": 0.7, "zLoss": 0.3}
    return {
        "vocabSize": 61,
        "contextLength": 16,
        "dim": 12,
        "positions": "none",
        "blocks": [block(RMS_NORM, attention, mlp)] * 2,
        "finalNorm": RMS_NORM,
        "head": {"type": "tied"},
    }


def experts():
    """Experts as in Mixtral, as in gpt-oss, and dense ones."""
    attention = {"heads": 3, "kvHeads": 1, "headDim": 5}
    silu = {"type": "gated", "hiddenDim": 10, "gate": "silu"}
    clamped = {"type": "gated", "hiddenDim": 9, "gate": {"alpha": 1.702, "limit": 0.7}, "bias": True}
    dense = {"type": "dense", "hiddenDim": 14, "activation": "gelu", "bias": True}
    some = {"type": "experts", "count": 4, "active": 2}
    return {
        "vocabSize": 61,
        "contextLength": 16,
        "dim": 12,
        "positions": "learned",
        "blocks": [
            block(RMS_NORM_OF_LARGE_EPSILON, attention, {**some, "expert": silu}),
            block(RMS_NORM, attention, {**some, "routerBias": True, "expert": clamped}),
            block(LAYER_NORM, {**attention, "outputBias": True}, {**some, "expert": dense}),
        ],
        "finalNorm": RMS_NORM,
        "head": {"type": "tied"},
    }
