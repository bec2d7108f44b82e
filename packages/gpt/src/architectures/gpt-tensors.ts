import type { ModelToWrite, TensorNames } from "./architecture.ts";

/** The names within a block, which GPT-1 and GPT-2 share. */
const namesInBlock: Readonly<Record<string, string>> = {
  attentionNorm: "ln_1",
  "attention.qkv": "attn.c_attn",
  "attention.projection": "attn.c_proj",
  mlpNorm: "ln_2",
  "mlp.up": "mlp.c_fc",
  "mlp.down": "mlp.c_proj",
};

/** The names of what lies around the blocks. */
type Modules = Readonly<Record<string, string>>;

/** What the class with a head has before the names of all other tensors. */
const prefix = "transformer.";

/**
 * The tensors as they are written: as OpenAI's uploads have them where the head is tied, else as the class with a head saves
 * them. Releases of transformers before v5 take a head beside names without the prefix for damage (modeling_utils.py,
 * _load_pretrained_model).
 */
export function writtenTensors(modules: Modules, { config }: ModelToWrite): TensorNames {
  return gptTensors(modules, config.head.type === "tied" ? "" : prefix);
}

/** The tensors of GPT-1 and GPT-2, whose matrices are those of Conv1D, `[inputs, outputs]`. */
/* @__NO_SIDE_EFFECTS__ */
export function gptTensors(modules: Modules, before = ""): TensorNames {
  const own = [...Object.values(modules), "h", "lm_head"];
  return {
    layoutOf({ path, role }) {
      if (role === "head") return { tensor: "lm_head.weight" };
      const name = nameOf(path, modules);
      if (name === undefined) return undefined;
      const tensor = before + name;
      return role === "matrix" ? { of: { tensor }, transposed: true } : { tensor };
    },
    plainName: (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name),
    fullName: (name) => (/^(transformer|lm_head)\./.test(name) ? name : prefix + name),
    /**
     * The first rule that matches counts, and a tensor that none matches is refused. As transformers at v5.18.0
     * (src/transformers, modeling_utils.py, _load_pretrained_model), which ignores all such tensors with a report; those within
     * the blocks are refused here instead, since adapters, more layers and quantised weights look so.
     */
    treatmentOf(name) {
      // What older releases stored: constants.
      if (/(^|\.)attn\.(bias|masked_bias)$/.test(name)) return "ignored";
      // Classes for other tasks, trl's AutoModelForCausalLMWithValueHead, position_ids and whatever else the model lacks.
      return own.includes(name.split(".", 1)[0]) ? "refused" : "noted";
    },
  };
}

function nameOf(path: string, modules: Modules): string | undefined {
  const [, module, kind] = /^(\w+)\.(weight|bias)$/.exec(path) ?? [];
  if (module) return Object.hasOwn(modules, module) ? `${modules[module]}.${kind}` : undefined;
  const [, layer, part, ofPart] = /^blocks\.(\d+)\.(.+)\.(weight|bias)$/.exec(path) ?? [];
  return part && Object.hasOwn(namesInBlock, part) ? `h.${layer}.${namesInBlock[part]}.${ofPart}` : undefined;
}
