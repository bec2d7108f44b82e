import { decoder } from "../../architectures/decoder.ts";
import { firstOf, windowOf } from "../../architectures/obstacles.ts";
import type { RotaryConfig } from "../../config.ts";
import type { GGUFArchitecture } from "./architecture.ts";
import { u32 } from "./architecture.ts";
import { decoderSettings, readDecoder, readExperts, writeDecoder } from "./decoder.ts";
import { decoderLayouts, tensorNames } from "./names.ts";

const layouts = decoderLayouts(false, { mlpNorm: "post_attention_norm" });

/** ggml-cpu/ops.cpp, ggml_compute_forward_swiglu_oai: constants of llama.cpp's graph. */
const gate = { alpha: 1.702, limit: 7 } as const;

/**
 * The model's blended pairs end between whole numbers (openai/gpt-oss, gpt_oss/torch/model.py), which llama.cpp rounds outwards all
 * the same: here the model is computed as its makers do.
 */
function rounded({ theta, scaling }: RotaryConfig, truncate: true | undefined): RotaryConfig {
  return scaling?.type === "yarn" ? { theta, scaling: { ...scaling, truncate } } : { theta, scaling };
}

/** llama.cpp's `gpt-oss`: every second layer has a window, the first one among them (src/models/openai-moe.cpp). */
export const gptOss: GGUFArchitecture = {
  name: "gpt-oss",
  read(fields, tensors) {
    const { layers, rotary, ...common } = readDecoder(fields, tensors);
    const window = fields.count("attention.sliding_window");
    const { count, active } = readExperts(fields) ?? { count: fields.count("expert_count"), active: 1 };
    fields.has("feed_forward_length");
    return decoder({
      ...common,
      rotary: rounded(rotary, undefined),
      windows: Array.from({ length: layers }, (_, layer) => (layer % 2 === 0 ? window : undefined)),
      bias: true, outputBias: true, sinks: true,
      mlp: {
        type: "experts", count, active, routerBias: true,
        expert: { type: "gated", hiddenDim: fields.count("expert_feed_forward_length"), gate, bias: true },
      },
    });
  },
  write(config) {
    const settings = decoderSettings(config);
    if (typeof settings === "string") return settings;
    const { mlp, windows, rotary: { scaling } } = settings;
    if (mlp.type !== "experts" || mlp.expert.type !== "gated" || mlp.expert.gate === "silu") return "no experts with clamped gates";
    const { alpha, limit } = mlp.expert.gate;
    const window = windowOf(windows);
    if (typeof window === "string") return window;
    const obstacle = firstOf(
      [alpha !== gate.alpha || limit !== gate.limit, `gates of alpha ${alpha} and limit ${limit}`],
      [!mlp.expert.bias || !mlp.routerBias || !settings.bias || !settings.outputBias, "layers without biases"],
      [!settings.sinks, "no sinks"],
      [settings.headNorm, "norms of heads"],
      [windows.some((own, layer) => own !== (layer % 2 === 0 ? window : undefined)) || window === undefined, "other windows than in every second layer, from the first"],
      [settings.tiedHead, "a tied head"],
      [scaling?.type === "yarn" && scaling.truncate, "a yarn scaling that is rounded"],
    );
    if (obstacle) return obstacle;
    const written = writeDecoder({ ...settings, rotary: rounded(settings.rotary, true) });
    if (typeof written === "string") return written;
    const own = { expert_feed_forward_length: u32(mlp.expert.hiddenDim), "attention.sliding_window": u32(window as number) };
    return { ...written, fields: { ...written.fields, ...own } };
  },
  tensorsOf: (config) => tensorNames(config, layouts),
};
