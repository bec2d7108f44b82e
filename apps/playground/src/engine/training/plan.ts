import { describeModel, GPT } from "@gpt/gpt";
import { roomIn } from "@gpt/gpt/web";
import { matmul, ones, scope, useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { planTraining, tokensInMemory } from "@gpt/train";
import type { TrainingPlan, TrainingSetup } from "../api/training.ts";
import { modelOptions, settingsOf } from "./prepare.ts";

/** Steps reached 0.6 to 0.9 of what the product below does, by size and threads. */
const shareOfProducts = 0.7;

/** What a setup takes: memory exactly, by a model without values, time by a guess. */
export async function planSetup(setup: TrainingSetup, vocabSize: number, backend: Backend, modelBytes: number): Promise<TrainingPlan> {
  const options = modelOptions(setup, vocabSize);
  const { parameters, flopsPerToken } = describeModel(options);
  const model = useBackend(meta(), () => new GPT(options));
  const data = { train: tokensInMemory(new Int32Array(setup.contextLength + 1)) };
  const { peak } = await planTraining(model, { ...settingsOf(setup), data });
  const flops = flopsPerToken.training + flopsPerToken.attentionTraining;
  // A run that is trained now is not there any more when another begins.
  const room = roomIn(backend) + backend.memory.liveBytes - modelBytes;
  return { parameters: parameters.total, bytes: peak, room, flopsPerToken: flops, tokensPerSecond: (shareOfProducts * (await productRate(backend))) / flops };
}

const rates = new WeakMap<Backend, Promise<number>>();

/** The floating-point operations of a product, in a second, measured once. */
function productRate(backend: Backend): Promise<number> {
  const known = rates.get(backend);
  if (known) return known;
  const measured = measure(backend);
  rates.set(backend, measured);
  return measured;
}

async function measure(backend: Backend): Promise<number> {
  const [rows, inner, columns] = [1024, 128, 512];
  const multiply = async (): Promise<number> => {
    const began = performance.now();
    const [product] = scope(() => [matmul(ones([rows, inner], { backend }), ones([inner, columns], { backend })).data()]);
    await product;
    return performance.now() - began;
  };
  let least = Infinity;
  for (let i = 0; i < 4; i++) least = Math.min(least, await multiply());
  return (2 * rows * inner * columns) / (Math.max(least, 0.05) / 1000);
}
