import { construct } from "@gpt/nn";
import { listOf, objectWith, checkArgument, readOptions, seed as seedExpected, text, useBackend } from "@gpt/tensor";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import { GPT } from "./model.ts";

/**
 * A classifier of a language model's parts: the same but for the head, which gives a score for each label and begins at random.
 * The classifier takes over the model's modules: do not use the model afterwards. An untied head is freed. Throws `invalid-config` and `invalid-input`.
 *
 * @example
 * const model = classifierFrom(await loadModel("openai-community/gpt2"), ["negative", "positive"]);
 */
export function classifierFrom(model: GPT, labels: readonly string[], options?: { readonly seed?: number }): GPT {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `classifierFrom: ${problem}`);
  checkArgument("model", model, objectWith("a GPT", "config", "namedWeights"), fail);
  checkArgument("labels", labels, listOf(text), fail);
  const { seed = model.random.seed } = readOptions<{ readonly seed?: number }>(options, { seed: seedExpected }, fail);
  const { config, generation, blocks, tokenEmbedding, positionEmbedding, embeddingDropout, finalNorm, head } = model;
  return useBackend(model.backend, () => construct(() => {
    const classes: GPTConfig = { ...config, head: { type: "classes", labels } };
    const classifier = new GPT(classes, { seed, generation, makeBlock: (_, _dim, _initial, layer) => blocks[layer] });
    const parts = { tokenEmbedding, positionEmbedding, embeddingDropout, finalNorm };
    for (const [name, part] of Object.entries(parts)) if (part) classifier.setSubmodule(name, part).dispose();
    if (head.weight !== tokenEmbedding.weight) head.dispose();
    return classifier;
  }));
}
