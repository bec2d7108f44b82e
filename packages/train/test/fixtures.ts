import { GPT } from "@gpt/gpt";
import type { GPTOptions } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import type { Backend } from "@gpt/tensor";
import { splitTokens, tokensInMemory } from "../src/data/token-source.ts";
import type { TrainingData } from "../src/data/token-source.ts";
import type { TrainEvent } from "../src/loop/events.ts";

/** A fresh reference backend, chosen. */
export async function startBackend(): Promise<Backend> {
  const backend = await cpu();
  useBackend(backend);
  return backend;
}

/** A GPT of a few hundred weights. */
export function tinyModel(changes: Partial<GPTOptions> = {}, seed = 1): GPT {
  return new GPT({ vocabSize: 11, contextLength: 8, layers: 1, heads: 2, dim: 8, ...changes }, { seed });
}

/** A sequence with a pattern to learn: each token follows from the two before it. */
export function patternedTokens(length: number, vocabSize = 11): number[] {
  const tokens = [1, 2];
  for (let i = 2; i < length; i++) tokens.push((3 * tokens[i - 1] + tokens[i - 2] + 1) % vocabSize);
  return tokens.slice(0, length);
}

/** The pattern, divided into training and validation data. */
export function patternedData(length = 400): Required<TrainingData> {
  return splitTokens(tokensInMemory(patternedTokens(length)));
}

/** All events of a run. */
export async function collect(events: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const all: TrainEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}
