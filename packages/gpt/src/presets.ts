import { quote } from "@gpt/tensor";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { presetsOfDecoders } from "./presets-of-decoders.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { GPTOptions } from "./short-form.ts";

const gpt1: GPTOptions = {
  vocabSize: 40_478, contextLength: 512, layers: 12, heads: 12, dim: 768, normPlacement: "post",
  dropout: 0.1, attentionDropout: 0.1,
};

// The annotations let bundlers leave out the table where no preset is used.

/** GPT-2's vocabulary and context; the sizes are those of the released models. */
/* @__NO_SIDE_EFFECTS__ */
function gpt2(layers: number, heads: number, dim: number): GPTOptions {
  return { vocabSize: 50_257, contextLength: 1024, layers, heads, dim, dropout: 0.1, attentionDropout: 0.1 };
}

/**
 * GPT-3's rows of table 2.1 (Brown et al. 2020). It has "alternating dense and locally banded sparse attention patterns in the
 * layers", of which neither the band's width nor whether the first layer is dense is published. 256 tokens and a dense first
 * layer are those of GPT-Neo (EleutherAI 2021), which was made after GPT-3 and has its context. `windows` says otherwise:
 * `[null]` makes all layers dense, `[256, null]` those of odd numbers, counted from 0.
 */
/* @__NO_SIDE_EFFECTS__ */
function gpt3(layers: number, dim: number, heads: number, headDim: number): GPTOptions {
  return { vocabSize: 50_257, contextLength: 2048, layers, heads, dim, headDim, windows: [null, 256] };
}

const presetsOfGPTs = {
  /** A model for laptops and tests. */
  nano: { vocabSize: 50_257, contextLength: 64, layers: 4, heads: 4, dim: 128 },
  gpt1,
  gpt2: gpt2(12, 12, 768),
  "gpt2-medium": gpt2(24, 16, 1024),
  "gpt2-large": gpt2(36, 20, 1280),
  "gpt2-xl": gpt2(48, 25, 1600),
  "gpt3-small": gpt3(12, 768, 12, 64),
  "gpt3-medium": gpt3(24, 1024, 16, 64),
  "gpt3-large": gpt3(24, 1536, 16, 96),
  "gpt3-xl": gpt3(24, 2048, 24, 128),
  "gpt3-2.7b": gpt3(32, 2560, 32, 80),
  "gpt3-6.7b": gpt3(32, 4096, 32, 128),
  "gpt3-13b": gpt3(40, 5140, 40, 128),
  "gpt3-175b": gpt3(96, 12_288, 96, 128),
} satisfies Record<string, GPTOptions>;

const presets = /* @__PURE__ */ Object.assign({}, presetsOfGPTs, presetsOfDecoders);

/** The name of a preset. */
export type PresetName = keyof typeof presets;

/** The names of all presets. */
export const presetNames = /* @__PURE__ */ Object.keys(presets) as PresetName[];

/**
 * The configuration of a known model, with some settings changed: of models that are not GPT-2's relatives those alone that
 * `GPTConfig` has. Any text is accepted, since names come from users too,
 * and an editor completes those that are known. Throws `unknown-preset` and `invalid-config`.
 *
 * @example
 * const model = new GPT(preset("gpt2", { contextLength: 256 }));
 */
export function preset(name: PresetName | (string & {}), changes: Partial<GPTOptions> = {}): GPTConfig {
  if (!Object.hasOwn(presets, name)) {
    throw new GPTError("unknown-preset", `there is no preset ${quote(name)}; there are ${presetNames.join(", ")}`);
  }
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  return resolveConfig({ ...presets[name as PresetName], ...Object.fromEntries(given) });
}
