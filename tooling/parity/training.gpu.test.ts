import { GPT } from "@gpt/gpt";
import type { GPTOptions } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { webgpu } from "@gpt/tensor/webgpu";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { tokensInMemory, train } from "@gpt/train";
import type { TrainSettings } from "@gpt/train";
import { generateStories } from "@gpt/stories";
import { afterAll, beforeAll, expect, test } from "vitest";
import { finish } from "./run-on.ts";

const text = generateStories({ seed: 1, characters: 20_000 });
const tokenizer = CharacterTokenizer.fromText(text);
const data = { train: tokensInMemory(tokenizer.encode(text)) };

type Run = Omit<GPTOptions, "vocabSize"> & Pick<TrainSettings, "steps" | "batchSize">;

const small = { layers: 2, heads: 2, dim: 32, contextLength: 32, batchSize: 4, steps: 10 };
/** What Tiny Shakespeare is trained with: 0.8M parameters. */
const large = { layers: 4, heads: 4, dim: 128, contextLength: 64, batchSize: 12 };

const runs: Run[] = [
  // Masks are the same bits on every backend; other ones would change the losses at once.
  { ...small, dropout: 0.2 },
  { ...small, dropout: 0 },
  { ...large, steps: 50, dropout: 0 },
  { ...large, steps: 5, dropout: 0.2 },
];

/** Short runs are compared by the fixtures of models, ten steps each, and by the command (`apps/cli/src/webgpu.gpu.test.ts`). */
const all = Boolean(process.env.GPT_VERIFY ?? process.env.GPT_GPU);

let backends: readonly Backend[];
beforeAll(async () => {
  backends = [await wasm(), await webgpu()];
});
afterAll(() => backends.forEach(finish));

/** Of one step; the norm is that of the gradients. */
interface Point {
  readonly loss: number;
  readonly norm: number;
}

async function curveOn(backend: Backend, { steps, batchSize, ...config }: Run): Promise<Point[]> {
  useBackend(backend);
  const model = new GPT({ vocabSize: tokenizer.vocabSize, ...config });
  const curve: Point[] = [];
  for await (const event of train(model, { data, steps, batchSize, logEvery: 1 })) {
    if (event.type === "step") curve.push({ loss: event.loss, norm: event.gradientNorm });
  }
  model.dispose();
  return curve;
}

test.runIf(all).each(runs)(
  "$steps steps of $layers layers of $dim, dropout $dropout: the losses of wasm, to 1e-3",
  async (run) => {
    const [theirs, ours] = [await curveOn(backends[0], run), await curveOn(backends[1], run)];
    expect(ours).toHaveLength(run.steps);
    expect(ours[run.steps - 1].loss).toBeLessThan(ours[0].loss);
    const difference = Math.max(...ours.map(({ loss }, step) => Math.abs(loss - theirs[step].loss)));
    const std = Math.max(...ours.map(({ norm }, step) => Math.abs(norm / theirs[step].norm - 1)));
    if (process.env.GPT_VERIFY) {
      const [losses, norms] = [difference, std].map((value) => value.toExponential(1));
      console.log(`losses within ${losses}, norms of the gradients within ${norms}`);
    }
    expect(difference).toBeLessThanOrEqual(1e-3);
    expect(std).toBeLessThanOrEqual(1e-2);
  },
);
