import { architectures } from "@gpt/gpt";
import { addLoRA } from "@gpt/gpt/lora";
import { loadModel } from "@gpt/gpt/node";
import { linearCrossEntropy, rand, scope, tensor } from "@gpt/tensor";
import { finetune, nextTokenTask } from "@gpt/train";
import type { Example } from "@gpt/train";
import { serve } from "../harness/serve.ts";
import { timeCalls } from "../harness/time-calls.ts";
import { randomTokens } from "../models/weights.ts";
import type { FinetuningResult, FinetuningSetup, FinetuningTask } from "./finetuning.ts";
import { startOurs } from "./ours-backend.ts";

await serve<FinetuningSetup, FinetuningTask>(async ({ folder, threads, dtype, adapters, batch, context, learnt }) => {
  const { version } = await startOurs({ threads });
  const model = await loadModel(folder, { dtype });
  if (adapters) addLoRA(model, architectures, adapters);
  const { vocabSize, dim } = model.config;
  const tokens = randomTokens(batch * (context + 1), vocabSize);
  const train = Array.from({ length: batch }, (_, i): Example => {
    const ids = Int32Array.from(tokens.slice(i * (context + 1), (i + 1) * (context + 1)));
    return { ids, mask: Uint8Array.from(ids, (_, at) => Number(at > context - learnt)) };
  });
  // As many steps as anybody asks for.
  const events = finetune(model, { task: nextTokenTask({ train }), batchSize: batch, steps: 1e6, logEvery: 1 });
  const step = async (): Promise<void> => {
    const { value: event } = await events.next();
    if (event?.type !== "step") throw new Error("no step followed");
  };
  const headAndLoss = (rows: number): void => scope(() => {
    const hidden = rand([rows, dim], { key: { seed: [0, 0], stream: [0, 0] }, requiresGrad: true });
    const targets = tensor(Int32Array.from(tokens.slice(0, rows)));
    linearCrossEntropy(hidden, model.head.weight, targets).backward();
  });
  return {
    version,
    async run({ milliseconds, headRows }): Promise<FinetuningResult> {
      const times = await timeCalls(milliseconds, headRows === undefined ? step : () => headAndLoss(headRows));
      return { times, peakBytes: process.resourceUsage().maxRSS * 1024 };
    },
  };
});
