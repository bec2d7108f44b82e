import type { GPT } from "@gpt/gpt";
import { isGptError } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { scoreLabels } from "@gpt/train";
import type { Example, LabelledExample } from "@gpt/train";
import { classProbabilities } from "@gpt/train/metrics";
import type { TaskSample } from "../training/layout.ts";
import { textOfTokens, writeAnswers } from "./answers.ts";
import type { TaskOptions } from "./options.ts";
import type { TaskData } from "./task-data.ts";

/** Asks a model one question of the validation data, always the same; undefined for a model that has diverged: training says so. */
export type Sampler = (model: GPT, signal: AbortSignal) => Promise<TaskSample | undefined>;

/** Tokens of an answer, which is to cost less than the evaluation before it. */
const maxTokens = 64;

/** What asks for the answer to an example, or for the label of a text; undefined for other tasks, and where nothing is validated on. */
export function samplerOf({ task }: TaskOptions, { validation: [example], labelled: [text] = [] }: TaskData, tokenizer: Tokenizer): Sampler | undefined {
  if (example && (task === "chat" || task === "completion")) return unlessDiverged((model, signal) => sampleAnswer(model, tokenizer, example, signal));
  return text && unlessDiverged((model, signal) => sampleLabel(model, tokenizer, text, signal));
}

async function sampleAnswer(model: GPT, tokenizer: Tokenizer, example: Example, signal: AbortSignal): Promise<TaskSample> {
  const [{ prompt, expected, text }] = await writeAnswers(model, tokenizer, [example], { maxTokens, signal });
  return { asked: { prompt, wanted: expected }, answered: { written: text }, shown: text, isRight: text === expected };
}

async function sampleLabel(model: GPT, tokenizer: Tokenizer, example: LabelledExample, signal: AbortSignal): Promise<TaskSample> {
  const { head } = model.config;
  const labels = head.type === "classes" ? head.labels : [];
  const [probabilities] = classProbabilities(await scoreLabels(model, [example], { signal }), 1);
  const best = probabilities.indexOf(Math.max(...probabilities));
  const [predicted, probability] = [labels[best], probabilities[best]];
  return {
    asked: { text: textOfTokens(example.ids, tokenizer).trim(), label: labels[example.label] },
    answered: { predicted, probability },
    shown: `${predicted} ${(100 * probability).toFixed(1)}%`,
    isRight: best === example.label,
  };
}

function unlessDiverged(sample: (model: GPT, signal: AbortSignal) => Promise<TaskSample>): Sampler {
  return async (model, signal) => {
    try {
      return await sample(model, signal);
    } catch (error) {
      if (signal.aborted || (isGptError(error) && error.code === "not-a-number")) return undefined;
      throw error;
    }
  };
}
