import { checkArgument, objectWith, readOptions, seed as seedExpected, useBackend } from "@gpt/tensor";
import type { Expectations, WeightDType } from "@gpt/tensor";
import { GPTError } from "./errors.ts";
import { matrixDTypesOf, replacedWeight } from "./folder/save.ts";
import { matrixDTypesExpected } from "./matrix-dtypes.ts";
import type { MatrixDTypes } from "./matrix-dtypes.ts";
import { GPT } from "./model.ts";
import { ModelWeights } from "./model-weights.ts";
import { fillWeights } from "./weight-source.ts";

/** How a copy differs. */
export interface CopyOptions {
  /** As what its matrices are stored. Default: as those of the model, where all that are for the same are stored alike. */
  readonly dtype?: WeightDType | MatrixDTypes;
  /** What its dropout, and parts that it gets later, derive from. Default: that of the model. */
  readonly seed?: number;
}

const optionsExpected: Expectations<CopyOptions> = { dtype: matrixDTypesExpected, seed: seedExpected };

/**
 * A model of its own with the same weights, on the same backend: to be trained while the other stays as it is. Throws
 * `invalid-input`, also for a model with adapters, of which `mergedCopy` of @gpt/gpt/lora makes one, and `too-large` where there is no room for it.
 *
 * @example
 * const tuned = await copyModel(model, { dtype: "f32" });
 */
export async function copyModel(model: GPT, options?: CopyOptions): Promise<GPT> {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `copyModel: ${problem}`);
  checkArgument("model", model, objectWith("a GPT", "config", "generation", "namedWeights"), fail);
  const { dtype = matrixDTypesOf(model), seed = model.random.seed } = readOptions<CopyOptions>(options, optionsExpected, fail);
  const replaced = replacedWeight(model);
  if (replaced) throw fail(`the model has ${replaced}`);
  return copyWeights(model, new ModelWeights(model), { dtype, seed });
}

/** A model of the same configuration with weights that are read by the paths of its slots. */
export async function copyWeights(
  { backend, config, generation }: GPT, weights: Pick<ModelWeights, "read">, { dtype, seed }: Required<CopyOptions>,
): Promise<GPT> {
  const copy = useBackend(backend, () => new GPT(config, { dtype, seed, generation, weights: "zeros" }));
  try {
    const nothing = (): Promise<void> => Promise.resolve();
    await fillWeights(copy, { name: "the model", check: nothing, close: nothing, read: (slot, rows) => weights.read(slot, rows) });
    return copy;
  } catch (error) {
    copy.dispose();
    throw error;
  }
}
