import { decoder } from "../../architectures/decoder.ts";
import { firstOf } from "../../architectures/obstacles.ts";
import type { GGUFArchitecture } from "./architecture.ts";
import { decoderSettings, hasWindows, readDecoder, readExperts, writeDecoder } from "./decoder.ts";
import { decoderLayouts, tensorNames } from "./names.ts";

/** Queries and keys have the columns that are turned together beside one another (convert_hf_to_gguf.py, LlamaModel.permute). */
const layouts = decoderLayouts(true);

/** llama.cpp's `llama`: Llama, Mistral and, with experts, Mixtral. It has no windows. */
export const llama: GGUFArchitecture = {
  name: "llama",
  read(fields, tensors) {
    const { layers, ...common } = readDecoder(fields, tensors);
    const hiddenDim = fields.count("feed_forward_length");
    const experts = readExperts(fields);
    const expert = { type: "gated", hiddenDim, gate: "silu" } as const;
    return decoder({
      ...common,
      windows: Array.from({ length: layers }, () => undefined),
      bias: tensors.shapeOf("blk.0.attn_q.bias") !== undefined,
      outputBias: tensors.shapeOf("blk.0.attn_output.bias") !== undefined,
      mlp: experts ? { type: "experts", ...experts, expert } : { ...expert, bias: tensors.shapeOf("blk.0.ffn_gate.bias") !== undefined || undefined },
    });
  },
  write(config) {
    const settings = decoderSettings(config);
    if (typeof settings === "string") return settings;
    const { mlp } = settings;
    const gated = mlp.type === "experts" ? mlp.expert : mlp;
    const obstacle = firstOf(
      [gated.type !== "gated" || gated.gate !== "silu", "gates other than silu"],
      [mlp.type === "experts" && (mlp.routerBias || mlp.expert.bias), "experts with biases"],
      [Boolean(settings.bias) !== Boolean(settings.outputBias), "biases in some layers of attention alone"],
      [hasWindows(settings), "windows"],
      [settings.headNorm, "norms of heads"],
      [settings.sinks, "sinks"],
    );
    return obstacle ?? writeDecoder(settings);
  },
  tensorsOf: (config) => tensorNames(config, layouts),
};
