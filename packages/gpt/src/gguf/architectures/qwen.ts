import { decoder } from "../../architectures/decoder.ts";
import { firstOf } from "../../architectures/obstacles.ts";
import type { GGUFArchitecture } from "./architecture.ts";
import { decoderSettings, hasWindows, readDecoder, writeDecoder } from "./decoder.ts";
import { decoderLayouts, tensorNames } from "./names.ts";

/** Qwen's two: biases of queries, keys and values, or norms of heads in their place. */
function qwen(name: string, headNorm: boolean): GGUFArchitecture {
  const layouts = decoderLayouts(false);
  return {
    name,
    read(fields, tensors) {
      const { layers, ...common } = readDecoder(fields, tensors);
      return decoder({
        ...common,
        windows: Array.from({ length: layers }, () => undefined),
        bias: !headNorm,
        headNorm,
        mlp: { type: "gated", hiddenDim: fields.count("feed_forward_length"), gate: "silu" },
      });
    },
    write(config) {
      const settings = decoderSettings(config);
      if (typeof settings === "string") return settings;
      const { mlp, bias = false } = settings;
      const obstacle = firstOf(
        [mlp.type !== "gated" || mlp.gate !== "silu", "experts, or gates other than silu"],
        [hasWindows(settings), "windows"],
        [settings.headNorm !== headNorm, headNorm ? "no norms of heads" : "norms of heads"],
        [bias === headNorm, headNorm ? "biases" : "queries, keys and values without biases"],
        [settings.outputBias || mlp.type === "gated" && mlp.bias, "biases of other layers than queries, keys and values"],
        [settings.sinks, "sinks"],
      );
      return obstacle ?? writeDecoder(settings);
    },
    tensorsOf: (config) => tensorNames(config, layouts),
  };
}

export const qwen2 = /* @__PURE__ */ qwen("qwen2", false);
export const qwen3 = /* @__PURE__ */ qwen("qwen3", true);
