import { firstOf } from "../../architectures/obstacles.ts";
import type { RotaryConfig, RotaryScaling } from "../../config.ts";
import type { GGUFFields } from "../fields.ts";
import { f32, text, u32 } from "./architecture.ts";
import type { GGUFModel, GGUFTensors } from "./architecture.ts";

/**
 * Rotary positions in a GGUF file, as llama.cpp computes them (src/llama-model.cpp, load_hparams; ggml-cpu/ops.cpp, rope_yarn): plain,
 * divided, YaRN, and Llama 3's, of which the file has the factors of each wavelength alone, in a tensor.
 */
export function readRope(fields: GGUFFields, headDim: number, contextLength: number, { ropeFactors }: GGUFTensors): RotaryConfig {
  const theta = fields.number("rope.freq_base", 10_000);
  const type = fields.text("rope.scaling.type", "none");
  const factor = fields.number("rope.scaling.factor", fields.number("rope.scale_linear", 1));
  const originalContext = fields.count("rope.scaling.original_context_length", contextLength);
  fields.has("rope.scaling.finetuned"); // Says what was done, and changes nothing.
  const columns = fields.count("rope.dimension_count", headDim);
  if (columns !== headDim) throw fields.error("unsupported-model", `rotary positions of ${columns} columns of ${headDim} are not supported; of all are`);
  if (ropeFactors) {
    if (type !== "none") throw fields.error("unsupported-model", `factors of wavelengths beside scaling ${type} are not supported`);
    return { theta, scaling: scalingOfFactors(fields, ropeFactors, theta, headDim) };
  }
  if (type === "none" || (type === "linear" && factor === 1)) return { theta };
  if (type === "linear") return { theta, scaling: { type, factor } };
  if (type !== "yarn") throw fields.error("unsupported-model", `rope.scaling.type ${type} is not supported; none, linear and yarn are`);
  return { theta, scaling: { type, factor, originalContext, ...yarn } };
}

/**
 * Of every model here: llama.cpp reads betas for other architectures alone (llama-model.cpp, load_arch_hparams of grok), and
 * always rounds the first and the last of the blended pairs outwards (ggml.c, ggml_rope_yarn_corr_dims).
 */
const yarn = { betaFast: 32, betaSlow: 1, truncate: true } as const;

/** What a file says of rotary positions, or what llama.cpp does not compute. */
export function writeRope({ theta, scaling }: RotaryConfig, headDim: number): GGUFModel | string {
  const fields = { "rope.freq_base": f32(theta), "rope.dimension_count": u32(headDim) };
  if (!scaling) return { fields };
  const { type, factor } = scaling;
  if (type === "linear") return { fields: { ...fields, "rope.scaling.type": text(type), "rope.scaling.factor": f32(factor) } };
  const original = { "rope.scaling.original_context_length": u32(scaling.originalContext) };
  if (type === "llama3") {
    if (scaling.lowFrequencyFactor !== llama3.lowFrequencyFactor || scaling.highFrequencyFactor !== llama3.highFrequencyFactor) {
      return `a llama3 scaling of frequencies other than ${llama3.lowFrequencyFactor} and ${llama3.highFrequencyFactor}`;
    }
    return { fields: { ...fields, ...original }, ropeFactors: factorsOf(scaling, theta, headDim) };
  }
  const { betaFast, betaSlow } = scaling;
  const obstacle = firstOf(
    [scaling.attentionFactor !== undefined, "a yarn scaling with an attention factor"],
    [betaFast !== yarn.betaFast || betaSlow !== yarn.betaSlow, `a yarn scaling of betas ${betaFast} and ${betaSlow}, not 32 and 1`],
    [!scaling.truncate, "a yarn scaling that is not rounded"],
  );
  return obstacle ?? { fields: { ...fields, ...original, "rope.scaling.type": text(type), "rope.scaling.factor": f32(factor) } };
}

/** What all of Llama 3's have in common (convert_hf_to_gguf.py, LlamaModel.generate_extra_tensors: defaults). */
const llama3 = { lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 8192 } as const;

type Llama3 = Extract<RotaryScaling, { readonly type: "llama3" }>;

/** By what each pair's wavelength is stretched: see `Llama3Scaling`. */
function factorsOf({ factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext }: Llama3, theta: number, headDim: number): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, pair) => {
    const turns = originalContext / (2 * Math.PI * theta ** ((2 * pair) / headDim));
    if (turns > high) return 1;
    if (turns < low) return factor;
    const smooth = (turns - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** The scaling whose factors these are. The file says the original context only where it was written here. */
function scalingOfFactors(fields: GGUFFields, factors: Float32Array, theta: number, headDim: number): Llama3 {
  const factor = factors.reduce((most, value) => Math.max(most, value), 1);
  for (const originalContext of [fields.count("rope.scaling.original_context_length", llama3.originalContext), llama3.originalContext]) {
    const scaling: Llama3 = { type: "llama3", ...llama3, factor, originalContext };
    const expected = factorsOf(scaling, theta, headDim);
    if (factors.length === expected.length && factors.every((value, i) => Math.abs(value - expected[i]) <= 1e-4 * expected[i])) return scaling;
  }
  throw fields.error("unsupported-model", "factors of wavelengths other than those of Llama 3 are not supported");
}
