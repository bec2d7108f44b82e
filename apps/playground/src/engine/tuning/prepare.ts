import { architectures, classifierFrom, GPT, matrixDTypesOf } from "@gpt/gpt";
import { addLoRA } from "@gpt/gpt/lora";
import { roomIn } from "@gpt/gpt/web";
import { perplexity } from "@gpt/generate";
import { useBackend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { Tokenizer } from "@gpt/tokenizer";
import { classificationTask, finetuningOptions, nextTokenTask, planTraining, trainLastBlocks } from "@gpt/train";
import type { ClassificationOptions, FinetuneOptions, Task } from "@gpt/train";
import type { TuningPlan, TuningSettings } from "../api/tuning.ts";
import { EngineError } from "../failure.ts";
import { divide } from "./data.ts";
import type { Data, Divided } from "./data.ts";

/** The task of some data, without those that are kept back. */
export function taskOf(data: Data, { train, validation }: Divided, { balanced }: TuningSettings, onScores?: ClassificationOptions["onScores"]): Task {
  if (data.task === "labels") {
    const chosen = (numbers: readonly number[]) => numbers.map((number) => data.examples[number]);
    return classificationTask(
      { train: chosen(train), ...(validation.length > 0 && { validation: chosen(validation) }) },
      { onScores, ...(balanced && { classWeights: "balanced" }) },
    );
  }
  const chosen = (numbers: readonly number[]) => numbers.flatMap((number) => data.examples[number]);
  return nextTokenTask({ train: chosen(train), ...(validation.length > 0 && { validation: chosen(validation) }) });
}

/** Makes of a model what is trained, and says which weights learn. */
export function prepare(model: GPT, data: Data, { method, rank, targets, seed }: TuningSettings): GPT {
  const prepared = data.task === "labels" ? classifierFrom(model, data.labels, { seed }) : model;
  if (method === "head") trainLastBlocks(prepared, 0);
  if (method === "lora") addLoRA(prepared, architectures, { rank, alpha: 2 * rank, seed, ...(targets === "attention" && { targets: ".*att.*" }) });
  return prepared;
}

/** As what the model is stored that is trained. All weights are trained in f32; beside adapters and a head they stay as they are. */
export const dtypeOf = ({ method }: TuningSettings): "f32" | undefined => (method === "full" ? "f32" : undefined);

/** How `finetune` is told. */
export function optionsOf(model: GPT, task: Task, { epochs, rate, seed }: TuningSettings): FinetuneOptions {
  const { learningRate } = finetuningOptions(model, { task, epochs });
  return { task, epochs, seed, logEvery: 1, learningRate: rate * learningRate! };
}

export function checkData(data: Data): void {
  if (data.task === "labels" ? data.texts.length === 0 : data.chats.length === 0) throw new EngineError({ code: "no-examples", message: "there is no example to learn" });
  if (data.task === "labels" && data.labels.length < 2) throw new EngineError({ code: "one-label", message: `all texts have the label "${data.labels[0]}"` });
}

/** Tokens of the text by which speed is measured. */
const longestRead = 512;
/** Seconds a token of the forward pass, by model. */
const speeds = new WeakMap<GPT, number>();

async function secondsAToken(model: GPT, tokenizer: Tokenizer): Promise<number> {
  const known = speeds.get(model);
  if (known !== undefined) return known;
  const words = "a story of two words ";
  const text = words.repeat(Math.max(1, Math.floor(Math.min(longestRead, model.config.contextLength) / (tokenizer.encode(words).length + 1))));
  const { length } = tokenizer.encode(text);
  let seconds = Infinity;
  // The first one compiles, or warms up.
  for (let run = 0; run < 3; run++) {
    const began = performance.now();
    await perplexity(model, tokenizer, text);
    seconds = Math.min(seconds, (performance.now() - began) / 1000 / length);
  }
  speeds.set(model, seconds);
  return seconds;
}

/** How much longer a step takes than the forward pass. */
const factors = { head: 1.2, lora: 3, full: 3.5 } as const;

/** What a run takes: memory to the byte, of the free and of `freedBytes`, which are freed for it; time about, by how fast the model reads here. */
export async function planRun(model: GPT, tokenizer: Tokenizer, data: Data, settings: TuningSettings, freedBytes: number): Promise<TuningPlan> {
  checkData(data);
  const divided = divide(data, settings.heldOut, settings.seed);
  const dtype = dtypeOf(settings) ?? matrixDTypesOf(model);
  const planned = useBackend(meta(), () => prepare(new GPT(model.config, { dtype }), data, settings));
  try {
    const task = taskOf(data, divided, settings);
    const options = finetuningOptions(planned, optionsOf(planned, task, settings));
    const { peak } = await planTraining(planned, options);
    const trained = planned.parameters().filter(({ requiresGrad }) => requiresGrad).reduce((sum, { size }) => sum + size, 0);
    const tokens = tokensOf(data, divided.train);
    const perToken = await secondsAToken(model, tokenizer);
    return {
      trained, parameters: planned.parameterCount(), steps: options.steps, learningRate: options.learningRate!,
      training: divided.train.length, validation: divided.validation.length,
      bytes: peak, room: roomIn(model.backend) + freedBytes,
      seconds: settings.epochs * perToken * (tokens * factors[settings.method] + tokensOf(data, divided.validation)),
    };
  } finally {
    planned.dispose();
  }
}

function tokensOf(data: Data, numbers: readonly number[]): number {
  const lengthOf = (number: number): number =>
    data.task === "labels" ? data.examples[number].ids.length : data.examples[number].reduce((sum, { ids }) => sum + ids.length, 0);
  return numbers.reduce((sum, number) => sum + lengthOf(number), 0);
}
