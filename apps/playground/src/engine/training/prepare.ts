import type { GPTOptions } from "@gpt/gpt";
import { CharacterTokenizer, trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { tokensInMemory } from "@gpt/train";
import type { TrainingData, TrainOptions } from "@gpt/train";
import type { TrainingSetup } from "../api/training.ts";
import type { Corpus } from "./corpora.ts";

/** Evaluations of a run, each with a text that the model writes, and a checkpoint. */
const evaluations = 24;
/** Points of a curve. */
const points = 400;
/** Windows of an evaluation, but the last one, which looks at everything. */
const evaluationWindows = 16;

export function modelOptions({ layers, heads, dim, contextLength }: TrainingSetup, vocabSize: number): GPTOptions {
  // A small model tells names apart early where weights begin at 1 / √dim, and the head is not tied to the embeddings.
  return { vocabSize, layers, heads, dim, contextLength, tiedHead: false, initialStd: 1 / Math.sqrt(dim) };
}

/** What `train` is told of a setup. */
export function settingsOf({ steps, batchSize, optimizer, learningRate }: TrainingSetup) {
  return { steps, batchSize, optimizer, learningRate, seed: 0 } as const satisfies Partial<TrainOptions>;
}

/** How often a run of so many steps reports, evaluates and saves. */
export function paceOf(steps: number) {
  const evaluateEvery = Math.max(1, Math.round(steps / evaluations));
  return {
    logEvery: Math.max(1, Math.round(steps / points)), evaluateEvery, checkpointEvery: evaluateEvery, evaluationWindows,
  } as const satisfies Partial<TrainOptions>;
}

export async function makeTokenizer(
  { vocabulary, vocabSize }: TrainingSetup, { train, validation }: Corpus, signal: AbortSignal, onProgress: (share: number) => void,
): Promise<Tokenizer> {
  // What validation has and training lacks must have a token too.
  if (vocabulary === "characters") return CharacterTokenizer.fromText([train, validation]);
  return trainBPE([train], {
    vocabSize, signal, onProgress: (progress) => onProgress(Math.max(0, (progress.vocabSize - 256) / (vocabSize - 256))),
  });
}

export function encodeCorpus(tokenizer: Tokenizer, { train, validation }: Corpus): TrainingData {
  const encode = (text: string) => tokensInMemory(tokenizer.encode(text, { disallowedSpecial: [] }));
  return { train: encode(train), validation: encode(validation) };
}
