import { readFileSync } from "node:fs";
import { describeModel, GPT, resolveConfig } from "@gpt/gpt";
import type { GPTConfig, MLPConfig, RouterLossOptions } from "@gpt/gpt";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { balanceExperts, splitTokens, tokensInMemory, train } from "@gpt/train";
import type { StepEvent, TrainingData } from "@gpt/train";
import type { Section } from "../harness/report.ts";
import { startOurs } from "../contenders/ours-backend.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

const [dim, contextLength, layers, steps, logEvery] = [64, 64, 4, 1000, 100];
const title = "Experts";
const expert = { type: "gated", hiddenDim: 88, gate: "silu" } as const;
const experts = { type: "experts", count: 4, active: 2, expert } as const;

interface Side {
  readonly mlp: MLPConfig;
  readonly options?: RouterLossOptions;
}

/** What is compared: blocks that differ in their feed-forward layers alone. */
const sides: Readonly<Record<string, Side>> = {
  // Two experts' width, and a little more than a router has.
  dense: { mlp: { ...expert, hiddenDim: 178 } },
  "4 experts, each block balanced": { mlp: experts, options: { balanceLoss: 0.02, zLoss: 0.001 } },
  "4 experts, all blocks balanced together": { mlp: experts, options: { balanceLoss: 0.02, zLoss: 0.001, balanceTogether: true } },
  "4 experts, not balanced": { mlp: experts, options: {} },
};

interface Result {
  readonly validationLoss: number;
  /** The mean over blocks of the largest load by the mean load, and the largest of a block, in the last steps. */
  readonly load?: { readonly mean: number; readonly worst: number };
}

/**
 * What a mixture of experts learns of a text of characters in as many steps, of the same batches, as a dense model with as
 * many active parameters; a seed is a round.
 */
export async function expertsBenchmark({ data: path, rounds, progress }: BenchmarkOptions): Promise<Section> {
  if (path === undefined) return { title, rows: [], notes: ["skipped: give --data FILE, a text of a megabyte, such as tinyshakespeare.txt"] };
  const { backend, version } = await startOurs({ threads: 1 });
  const text = readFileSync(path, "utf8");
  const tokenizer = CharacterTokenizer.fromText(text);
  const data = splitTokens(tokensInMemory(tokenizer.encode(text)));
  const results = new Map<string, Result[]>(Object.keys(sides).map((side) => [side, []]));
  try {
    for (let seed = 0; seed < rounds; seed++) {
      for (const [side, { mlp, options }] of Object.entries(sides)) {
        const result = await learn(configOf(mlp, tokenizer.vocabSize), data, seed, options);
        results.get(side)!.push(result);
        progress(`experts, seed ${seed}: ${side}: ${JSON.stringify(result)}`);
      }
    }
  } finally {
    backend.dispose();
  }
  const head = ["model", "parameters", "active", "validation loss", "of each seed", "largest load, mean of blocks", "largest load, worst block"];
  const body = [...results].map(([side, found]) => row(side, describe(sides[side].mlp, tokenizer.vocabSize), found));
  return {
    title,
    rows: [],
    details: [head, ...body],
    notes: [
      `${layers} blocks of width ${dim}, ${contextLength} tokens of context, 12 windows a step, ${steps} steps; ${version}, one thread`,
      "a load is the share of choices that fell on an expert, by the share that each would have where all are equal, in the last " +
        `${logEvery} steps`,
    ],
  };
}

function configOf(mlp: MLPConfig, vocabSize: number): GPTConfig {
  const norm = { type: "rms", epsilon: 1e-5 } as const;
  const attention = { heads: 4, kvHeads: 4, headDim: dim / 4, rotary: { theta: 10_000 } };
  return resolveConfig({
    vocabSize, contextLength, dim,
    positions: "none",
    blocks: Array.from({ length: layers }, () => ({ place: "pre" as const, norm, attention, mlp })),
    finalNorm: norm,
    head: { type: "tied" },
  });
}

async function learn(config: GPTConfig, data: TrainingData, seed: number, options?: RouterLossOptions): Promise<Result> {
  const model = new GPT(config, { seed });
  let last: StepEvent | undefined;
  let validationLoss = NaN;
  for await (const event of train(model, { data, steps, seed, logEvery, evaluateEvery: steps, experts: options && balanceExperts(options) })) {
    if (event.type === "step") last = event;
    if (event.type === "evaluation") validationLoss = event.loss;
  }
  model.dispose();
  const largest = last?.experts?.loads.map((loads) => Math.max(...loads) * loads.length);
  return { validationLoss, ...(largest && { load: { mean: mean(largest), worst: Math.max(...largest) } }) };
}

function describe(mlp: MLPConfig, vocabSize: number): [total: number, active: number] {
  const { parameters, activeParameters } = describeModel(configOf(mlp, vocabSize));
  return [parameters.total, activeParameters];
}

function row(side: string, parameters: readonly number[], found: readonly Result[]): string[] {
  const losses = found.map(({ validationLoss }) => validationLoss);
  const loads = found.flatMap(({ load }) => load ?? []);
  const worst = loads.length > 0 ? [mean(loads.map(({ mean }) => mean)), Math.max(...loads.map(({ worst }) => worst))] : [];
  return [
    side,
    ...parameters.map((count) => count.toLocaleString("en")),
    mean(losses).toFixed(4),
    losses.map((loss) => loss.toFixed(4)).join(" "),
    ...(loads.length > 0 ? worst.map((load) => load.toFixed(2)) : ["", ""]),
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
