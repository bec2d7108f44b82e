import type { BlockConfig, GPTConfig, ModelDescription, ModelPlan, TrainingDescription } from "@gpt/gpt";
import { formatBytes, formatCount, formatDTypes } from "../format.ts";
import type { Row } from "./rows.ts";

/** As what a folder's matrices are stored, and what all weights take. */
export interface Stored {
  readonly dtypes: ModelPlan["dtypes"];
  readonly bytes: number;
}

/** What a model is made of and what it takes, for people. */
export function modelRows(
  config: GPTConfig, description: ModelDescription, training: TrainingDescription, stored: Stored | undefined,
): Row[] {
  const { parameters, activeParameters, flopsPerToken, weightBytes } = description;
  const { blocks, dim, contextLength, vocabSize, positions, head } = config;
  const work = (matrices: number, attention: number): string =>
    `${formatFlops(matrices)} a token, ${formatFlops(attention)} more for attention`;
  return [
    ["layers", `${blocks.length}${new Set(blocks.map(attentionOf)).size > 1 ? ":" : ", each with"} ${kindsOf(blocks, attentionOf)}`],
    ["width", `${dim}, ${kindsOf(blocks, mlpOf)}`],
    ["context", `${formatCount(contextLength)} tokens, ${positions === "none" ? kindsOf(blocks, rotaryOf) : `${positions} positions`}`],
    ["vocabulary", formatCount(vocabSize)],
    ["normalization", normalizationOf(config)],
    ["", ""],
    ["parameters", formatCount(parameters.total)],
    ...(blocks.some(({ mlp }) => mlp.type === "experts") ? [["  active", formatCount(activeParameters)] satisfies Row] : []),
    ["  token embedding", `${formatCount(parameters.tokenEmbedding)}${head.type === "tied" ? ", also the head" : ""}`],
    ["  positions", formatCount(parameters.positions)],
    ["  attention", formatCount(parameters.attention)],
    ["  feed-forward", formatCount(parameters.mlp)],
    ["  normalization", formatCount(parameters.norms)],
    ["  head", formatCount(parameters.head)],
    ["", ""],
    ["forward", work(flopsPerToken.forward, flopsPerToken.attentionForward)],
    ["training", work(flopsPerToken.training, flopsPerToken.attentionTraining)],
    ["memory to train", trainingText(training)],
    ["  in bf16 and f32", `${formatBytes(training.bf16.total)} in mixed precision, as other programs train`],
    ["memory to run", Object.entries(weightBytes).map(([dtype, bytes]) => `${formatBytes(bytes)} ${dtype}`).join(", ")],
    ...(stored ? [["  as it is stored", `${formatBytes(stored.bytes)}, ${formatDTypes(stored.dtypes)}`] satisfies Row] : []),
    ["key-value cache", cacheText(config, description)],
  ];
}

function formatFlops(flops: number): string {
  return flops < 1e10 ? `${formatCount(flops / 1e6)} MFLOP` : `${formatCount(flops / 1e9)} GFLOP`;
}

function trainingText({ batch, context, f32 }: TrainingDescription): string {
  const { total, activations, ...others } = f32;
  const parts = Object.entries(others).map(([part, bytes]) => `${part} ${formatBytes(bytes)}`);
  const tokens = `${formatCount(batch)} × ${formatCount(context)} tokens`;
  return `${formatBytes(total)} f32: ${parts.join(", ")}, activations of ${tokens} ${formatBytes(activations)}`;
}

function cacheText(
  { contextLength, blocks }: GPTConfig, { cacheBytesPerToken, cacheBytes, cacheBytesWithinWindows }: ModelDescription,
): string {
  const all = Object.entries(cacheBytes).map(([dtype, bytes]) => `${formatBytes(bytes)} ${dtype}`).join(", ");
  const text = `${formatBytes(cacheBytesPerToken)} a token in f32; ${formatCount(contextLength)} tokens ${all}`;
  if (blocks.every(({ attention: { window = contextLength } }) => window >= contextLength)) return text;
  return `${text}; tokens that have left all windows are kept, or it would be ${formatBytes(cacheBytesWithinWindows)} f32`;
}

/** What blocks are like: once where all are alike, else each kind with the number of its blocks. */
function kindsOf(blocks: readonly BlockConfig[], textOf: (block: BlockConfig) => string): string {
  const counts = new Map<string, number>();
  for (const block of blocks) counts.set(textOf(block), (counts.get(textOf(block)) ?? 0) + 1);
  if (counts.size === 1) return textOf(blocks[0]);
  return Array.from(counts, ([text, count]) => `${count} × ${text}`).join("; ");
}

function attentionOf({ attention: { heads, kvHeads, headDim, window, sinks } }: BlockConfig): string {
  const groups = kvHeads === heads ? "" : `, ${kvHeads} for keys and values`;
  return `${heads} heads of ${headDim}${groups}${window === undefined ? "" : `, windows of ${window}`}${sinks ? ", sinks" : ""}`;
}

function mlpOf({ mlp }: BlockConfig): string {
  if (mlp.type !== "experts") return `${mlp.hiddenDim} inside the ${mlp.type === "gated" ? "gated " : ""}feed-forward layers`;
  return `${mlp.expert.hiddenDim} inside each of ${mlp.count} experts, ${mlp.active} of them active`;
}

function rotaryOf({ attention: { rotary } }: BlockConfig): string {
  if (!rotary) return "no positions";
  const { theta, scaling } = rotary;
  return `rotary positions of theta ${formatCount(theta)}${scaling ? `, ${scaling.type} scaling by ${scaling.factor}` : ""}`;
}

function normalizationOf({ blocks, finalNorm }: GPTConfig): string {
  const places = kindsOf(blocks, ({ place, norm: { type } }) => {
    return `${type === "rms" ? "root mean square, " : ""}${place === "pre" ? "before" : "after"} each sub-layer`;
  });
  return finalNorm ? `${places}, and at the end` : places;
}
