import { gather, keep, noGrad, readOptions, scope, softmax, topK, wholeNumber } from "@gpt/tensor";
import type { AnyTensor, Expectations, Tensor } from "@gpt/tensor";
import { captureActivations } from "./capture.ts";
import { GPTError } from "./errors.ts";
import type { GPT } from "./model.ts";

/** What the logit lens gives. */
export interface LensOptions {
  /** How many tokens are given at each place; all, where the model has fewer. Default 5. */
  readonly top?: number;
}

/** What the head makes of the residual stream at one height. */
export interface LensLayer {
  /** Which activation it reads: `embed`, or the residual stream behind a block. */
  readonly name: "embed" | `blocks.${number}.residual`;
  /** `[tokens, top]`: the likeliest tokens at each place, from the likeliest on. */
  readonly ids: Int32Array;
  /** `[tokens, top]`: their probabilities. */
  readonly probabilities: Float32Array;
}

const optionsExpected: Expectations<LensOptions> = { top: wholeNumber(1) };

/**
 * The logit lens (nostalgebraist 2020): the residual stream before the first block and behind each, read as if it were the last
 * one, by the final normalization and the head. The last layer is what the model says. `ids` is one sequence or a tensor
 * `[B, T]`, whose tokens follow one another in the results. Runs as `captureActivations`, and throws what that throws.
 *
 * @example
 * const layers = await logitLens(model, ids, { top: 1 });
 * for (const { name, ids, probabilities } of layers) console.log(name, ids.at(-1), probabilities.at(-1));
 */
export async function logitLens(model: GPT, ids: readonly number[] | Tensor<"i32">, options?: LensOptions): Promise<LensLayer[]> {
  const { top = 5 } = readOptions<LensOptions>(options, optionsExpected, invalid);
  const layers = scope(() => {
    const streams = ["embed" as const, ...model.config.blocks.map((_, layer) => `blocks.${layer}.residual` as const)];
    const found = captureActivations(model, ids, streams);
    return streams.map((name) => ({ name, ...likeliest(model, found[name], top) }));
  });
  try {
    return await Promise.all(
      layers.map(async ({ name, ids, probabilities }) => ({ name, ids: await ids.data(), probabilities: await probabilities.data() })),
    );
  } finally {
    for (const { ids, probabilities } of layers) for (const tensor of [ids, probabilities] as AnyTensor[]) tensor.dispose();
  }
}

/** Of a residual stream `[tokens, dim]`; of one layer at a time, so that the logits of all are not in memory together. */
function likeliest(model: GPT, stream: Tensor, top: number): { readonly ids: Tensor<"i32">; readonly probabilities: Tensor } {
  return noGrad(() =>
    scope(() => {
      const logits = model.logits(model.finalNorm?.forward(stream) ?? stream);
      const { indices } = topK(logits, Math.min(top, logits.shape[1]));
      return { ids: keep(indices), probabilities: keep(gather(softmax(logits), indices, -1)) };
    }),
  );
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-input", `logitLens: ${problem}`);
}
