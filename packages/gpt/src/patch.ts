import { checkArgument, embedding, listOf, noGrad, objectWith, readOptions, reshape, scope, tensor, text, where, wholeNumber } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { captureActivations } from "./capture.ts";
import { GPTError } from "./errors.ts";
import type { ForwardOptions } from "./forward-input.ts";
import type { HookName } from "./hooks.ts";
import type { GPT } from "./model.ts";

/** A part of an activation that comes from another prompt. */
export interface Patch {
  /** An activation that has a row for each token. */
  readonly name: Exclude<HookName, "logits" | `${string}.pattern`>;
  /** The token, from 0. Default: all of them. */
  readonly position?: number;
  /** Of `blocks.N.attention.output`, the head, from 0. Default: all of them. */
  readonly head?: number;
}

/**
 * Activation patching (Vig et al. 2020; Meng et al. 2022: causal tracing): the model reads `ids` once for each patch, with that
 * part of its activations replaced by what it is for `source`, a sequence of as many tokens. Gives the logits of what
 * follows the last token, `[patches, vocabSize]`; what a patch does is their difference from those without it. The patches
 * are one batch: divide many among calls. Blocks before the first that one of them changes are computed once. Runs as `captureActivations`, and throws `invalid-input`, `context-overflow` and
 * `unknown-hook`.
 *
 * @example
 * const [prompt, source] = ["Tom has a dog", "Ann has a dog"].map((text) => tokenizer.encode(text));
 * const logits = patchActivations(model, prompt, source, [{ name: "blocks.2.residual", position: 0 }]);
 */
export function patchActivations(
  model: GPT, ids: readonly number[], source: readonly number[], patches: readonly Patch[],
): Tensor {
  checkArgument("model", model, objectWith("a GPT", "hidden()", "forward()", "evaluating()"), invalid);
  const { vocabSize } = model.config;
  for (const [name, value] of Object.entries({ ids, source })) checkArgument(name, value, listOf(wholeNumber(0, vocabSize - 1)), invalid);
  if (source.length !== ids.length) throw invalid(`source has ${source.length} tokens, ids ${ids.length}; give as many`);
  checkArgument("patches", patches, listOf(objectWith("{ name, position?, head? }", "name")), invalid);
  if (patches.length === 0) throw invalid("patches are none; give at least one");
  patches.forEach((patch, i) => checkPatch(patch, `patches[${i}]`, ids.length, model));
  return noGrad(() =>
    scope(() => {
      const names = [...new Set(patches.map(({ name }) => name))];
      const found = captureActivations(model, source, names);
      const hooks = Object.fromEntries(
        names.map((name) => [name, (activation: Tensor) => patched(activation, found[name], name, patches, headsOf(name, model))]),
      );
      const batch = tensor(Int32Array.from(patches.flatMap(() => ids)), { backend: model.backend });
      const sequences = patches.map(() => ({ count: ids.length }));
      const start = startOf(model, ids, patches);
      return model.evaluating(() => model.logits(model.hidden({ ids: batch, sequences, outputs: "last", hooks, start })));
    }),
  );
}

/** What the first block that a patch changes reads: before it, all are as they are without. Nothing, where that is the first of all. */
function startOf(model: GPT, ids: readonly number[], patches: readonly Patch[]): ForwardOptions["start"] {
  const block = Math.min(...patches.map(({ name }) => firstChanged(name, model)));
  if (block === 0) return undefined;
  const name = `blocks.${block - 1}.residual` as const;
  const rows = Int32Array.from(patches.flatMap(() => ids), (_, row) => row % ids.length);
  const residual = embedding(captureActivations(model, ids, [name])[name], tensor(rows, { backend: model.backend }));
  return { block, residual };
}

function firstChanged(name: string, { config }: GPT): number {
  if (name === "embed") return 0;
  if (name === "residual") return config.blocks.length;
  return layerOf(name) + (/^blocks\.\d+\.residual$/.test(name) ? 1 : 0);
}

/** An activation `[patches·T, width]`, in which what patches of it name is that of `source`, `[T, width]`. */
function patched(activation: Tensor, source: Tensor, name: HookName, patches: readonly Patch[], heads: number): Tensor {
  const [tokens, width] = source.shape;
  const taken = new Float32Array(patches.length * tokens * heads);
  patches.forEach((patch, i) => {
    if (patch.name !== name) return;
    for (let position = patch.position ?? 0; position <= (patch.position ?? tokens - 1); position++) {
      const row = (i * tokens + position) * heads;
      taken.fill(1, row + (patch.head ?? 0), row + (patch.head ?? heads - 1) + 1);
    }
  });
  return scope(() => {
    const { shape, backend } = activation;
    const mask = tensor(taken, { shape: [patches.length, tokens, heads, 1], backend });
    const parts = [tokens, heads, width / heads];
    return reshape(where(mask, reshape(source, [1, ...parts]), reshape(activation, [patches.length, ...parts])), shape);
  });
}

function checkPatch(patch: Patch, place: string, tokens: number, model: GPT): void {
  const { name } = patch;
  const refuse = (problem: string): GPTError => invalid(`${place}: ${problem}`);
  checkArgument("name", name, text, refuse);
  readOptions<Partial<Patch>>(patch, { name: text, position: wholeNumber(0, tokens - 1), head: wholeNumber(0, headsOf(name, model) - 1) }, refuse);
  if (patch.head !== undefined && !isHeads(name)) throw refuse(`${name} has no heads; blocks.N.attention.output has`);
  if (name === ("logits" as HookName) || name.endsWith(".pattern") || isHiddenOfExperts(name, model)) {
    throw refuse(`${name} has not one row for each token; patch one that has`);
  }
}

function isHeads(name: string): boolean {
  return name.endsWith(".attention.output");
}

/** Parts of a row that can be patched apart. Blocks that there are not are refused by their name. */
function headsOf(name: string, { config }: GPT): number {
  return (isHeads(name) && config.blocks[layerOf(name)]?.attention.heads) || 1;
}

function isHiddenOfExperts(name: string, { config }: GPT): boolean {
  return name.endsWith(".mlp.hidden") && config.blocks[layerOf(name)]?.mlp.type === "experts";
}

function layerOf(name: string): number {
  return Number(name.split(".")[1]);
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-input", `patchActivations: ${problem}`);
}
