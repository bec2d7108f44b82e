import type { TensorNames } from "./architecture.ts";

/** The names within a block, which GPT-1 and GPT-2 share. */
const namesInBlock: Readonly<Record<string, string>> = {
  attentionNorm: "ln_1",
  "attention.qkv": "attn.c_attn",
  "attention.projection": "attn.c_proj",
  mlpNorm: "ln_2",
  "mlp.up": "mlp.c_fc",
  "mlp.down": "mlp.c_proj",
};

/**
 * The tensors of GPT-1 and GPT-2, whose matrices are those of Conv1D, `[inputs, outputs]`. `modules` has the names of what lies
 * around the blocks.
 */
/* @__NO_SIDE_EFFECTS__ */
export function gptTensors(modules: Readonly<Record<string, string>>): TensorNames {
  const own = [...Object.values(modules), "h", "lm_head"];
  return {
    layoutOf({ path, role }) {
      const tensor = nameOf(path, modules);
      if (tensor === undefined) return undefined;
      return role === "matrix" ? { of: { tensor }, transposed: true } : { tensor };
    },
    // The class with a head has the others' tensors under this name.
    plainName: (name) => name.replace(/^transformer\./, ""),
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

function nameOf(path: string, modules: Readonly<Record<string, string>>): string | undefined {
  if (path === "head.weight") return "lm_head.weight";
  const [, module, kind] = /^(\w+)\.(weight|bias)$/.exec(path) ?? [];
  if (module) return Object.hasOwn(modules, module) ? `${modules[module]}.${kind}` : undefined;
  const [, layer, part, ofPart] = /^blocks\.(\d+)\.(.+)\.(weight|bias)$/.exec(path) ?? [];
  return part && Object.hasOwn(namesInBlock, part) ? `h.${layer}.${namesInBlock[part]}.${ofPart}` : undefined;
}
