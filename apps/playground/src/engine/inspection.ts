import { captureActivations, logitLens } from "@gpt/gpt";
import type { ExpertsConfig, GPT, HookName } from "@gpt/gpt";
import { noGrad, scope, tensor } from "@gpt/tensor";
import { strongest } from "./api/inside.ts";
import type { Inspection, Lens } from "./api/inside.ts";
import type { TokenPart } from "./api/tokens.ts";
import { EngineError } from "./failure.ts";
import { partsOf } from "./parts.ts";
import type { Part } from "./parts.ts";
import type { OpenModel } from "./session.ts";
import { bytesOf } from "./vocabularies.ts";
import { readPrompt } from "./writing.ts";

/** Tokens that are looked at: more than a picture holds. */
export const mostTokens = 64;
/** Numbers of a vector that are shown. */
const mostNumbers = 96;
/** Tokens that the lens gives of each place. */
const lensTop = 8;

/** Runs the model on a text, and gives what its hooks see. */
export async function inspect(open: OpenModel, text: string): Promise<Inspection> {
  const { model } = open;
  const all = readPrompt(open, text);
  if (all.length === 0) throw new EngineError({ code: "empty-prompt", message: "the text has no tokens" });
  const { config } = model;
  const tokens = all.slice(0, Math.min(mostTokens, config.contextLength));
  const seen = await activationsOf(model, tokens.map(({ id }) => id));
  return {
    config, tokens, count: all.length,
    ...wayOf(seen, model, tokens.length),
    patterns: joined(config.blocks.map((_, block) => seen(`blocks.${block}.attention.pattern`))),
    ...feedForward(seen, model, tokens.length),
  };
}

/** The logit lens over tokens. */
export async function lens({ model, tokenizer }: OpenModel, of: readonly number[]): Promise<Lens> {
  const layers = await logitLens(model, of, { top: lensTop });
  const ids = Int32Array.from(layers.flatMap((layer) => [...layer.ids]));
  return {
    of, ids,
    top: ids.length / (layers.length * of.length),
    probabilities: joined(layers.map(({ probabilities }) => probabilities)),
    parts: [...new Set(ids)].map((id) => outcomeOf({ model, tokenizer }, id)),
  };
}

const encoder = new TextEncoder();

/** What the head gives a score to: a token, a class, or a number that no token has, since vocabularies are padded. */
export function outcomeOf({ model: { config: { head } }, tokenizer }: OpenModel, id: number): TokenPart {
  if (head.type === "classes") return { id, bytes: encoder.encode(head.labels[id]) };
  return { id, bytes: tokenizer.hasToken(id) ? bytesOf(tokenizer, id) : encoder.encode(`#${id}`) };
}

type Activations = (name: HookName | "tokens") => Float32Array;

/** All that is looked at, and the vectors of the tokens alone. */
async function activationsOf(model: GPT, ids: readonly number[]): Promise<Activations> {
  const names = model.config.blocks.flatMap(({ mlp }, block) =>
    (["attention.pattern", "attention.residual", "mlp.hidden", "residual", ...(mlp.type === "experts" ? ["mlp.router" as const] : [])] as const)
      .map((name): HookName => `blocks.${block}.${name}`),
  );
  const found = captureActivations(model, ids, ["embed", "residual", ...names]);
  const tokens = noGrad(() => scope(() => model.tokenEmbedding.forward(tensor(Int32Array.from(ids), { backend: model.backend }))));
  const all = { ...found, tokens };
  try {
    const read = await Promise.all(Object.entries(all).map(async ([name, activation]) => [name, await activation.data()] as const));
    const values = new Map<string, Float32Array>(read);
    return (name) => values.get(name)!;
  } finally {
    for (const activation of Object.values(all)) activation.dispose();
  }
}

/** The vectors of the tokens on their way, and their lengths. */
function wayOf(seen: Activations, { config: { dim, blocks } }: GPT, tokens: number): Pick<Inspection, "width" | "vectors" | "norms"> {
  const width = Math.min(dim, mostNumbers);
  const parts = partsOf(blocks.length);
  const vectors = new Float32Array(parts.length * tokens * width);
  const norms = new Float32Array(parts.length * tokens);
  for (const [index, part] of parts.entries()) {
    const whole = vectorsOf(part, seen);
    for (let token = 0; token < tokens; token++) {
      const vector = whole.subarray(token * dim, (token + 1) * dim);
      vectors.set(vector.subarray(0, width), (index * tokens + token) * width);
      norms[index * tokens + token] = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    }
  }
  return { width, vectors, norms };
}

function vectorsOf(part: Part, seen: Activations): Float32Array {
  if (part === "token") return seen("tokens");
  if (part === "position") return difference(seen("embed"), seen("tokens"));
  if (part === "embed") return seen("embed");
  if (part === "final") return seen("residual");
  const { block } = part;
  const before = block === 0 ? seen("embed") : seen(`blocks.${block - 1}.residual`);
  const middle = seen(`blocks.${block}.attention.residual`);
  const behind = seen(`blocks.${block}.residual`);
  switch (part.part) {
    case "attention": return difference(middle, before);
    case "middle": return middle;
    case "mlp": return difference(behind, middle);
    case "residual": return behind;
  }
}

/** The strongest neurons, and which experts tokens went to. */
function feedForward(
  seen: Activations, { config: { blocks } }: GPT, tokens: number,
): Pick<Inspection, "neurons" | "activations" | "experts" | "shares"> {
  const mostActive = Math.max(0, ...blocks.map(({ mlp }) => (mlp.type === "experts" ? mlp.active : 0)));
  const neurons = new Int32Array(blocks.length * tokens * strongest).fill(-1);
  const activations = new Float32Array(neurons.length);
  const experts = new Int32Array(blocks.length * tokens * mostActive).fill(-1);
  const shares = new Float32Array(experts.length);
  for (const [block, { mlp }] of blocks.entries()) {
    const hidden = seen(`blocks.${block}.mlp.hidden`);
    const scores = mlp.type === "experts" ? seen(`blocks.${block}.mlp.router`) : undefined;
    const width = hidden.length / tokens;
    for (let token = 0; token < tokens; token++) {
      const place = block * tokens + token;
      const values = hidden.subarray(token * width, (token + 1) * width);
      const routed = mlp.type === "experts" ? routeOf(scores!.subarray(token * mlp.count, (token + 1) * mlp.count), mlp) : undefined;
      experts.set(routed?.experts ?? [], place * mostActive);
      shares.set(routed?.shares ?? [], place * mostActive);
      const numberOf = (index: number): number => {
        if (mlp.type !== "experts") return index;
        const { hiddenDim } = mlp.expert;
        return routed!.experts[Math.floor(index / hiddenDim)] * hiddenDim + (index % hiddenDim);
      };
      for (const [rank, index] of largest(values, strongest).entries()) {
        neurons[place * strongest + rank] = numberOf(index);
        activations[place * strongest + rank] = values[index];
      }
    }
  }
  return { neurons, activations, experts, shares };
}

/** The experts with the highest scores, and the softmax of those. */
function routeOf(scores: Float32Array, { active }: ExpertsConfig): { readonly experts: number[]; readonly shares: number[] } {
  const experts = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]).slice(0, active);
  const powers = experts.map((expert) => Math.exp(scores[expert] - scores[experts[0]]));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return { experts, shares: powers.map((power) => power / total) };
}

/** The indices of the largest values by size, the largest first. */
function largest(values: Float32Array, count: number): number[] {
  const kept: number[] = [];
  for (let index = 0; index < values.length; index++) {
    const size = Math.abs(values[index]);
    if (kept.length === count && !(size > Math.abs(values[kept[count - 1]]))) continue;
    let at = kept.length;
    while (at > 0 && size > Math.abs(values[kept[at - 1]])) at--;
    kept.splice(at, 0, index);
    kept.length = Math.min(kept.length, count);
  }
  return kept;
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i]);
}

function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
