import { scope, tensor } from "@gpt/tensor";
import { AdamW } from "@gpt/train";
import { serve } from "../harness/serve.ts";
import { timeCalls } from "../harness/time-calls.ts";
import { startOurs } from "./ours-backend.ts";
import type { OursSetup } from "./ours-backend.ts";
import { ourModel } from "./ours-model.ts";
import { keptLosses } from "./training.ts";
import type { TrainingResult, TrainingSetup, TrainingTask } from "./training.ts";

await serve<TrainingSetup & OursSetup, TrainingTask>(async (setup) => {
  const { config, batch, context, tokens, optimizer: settings } = setup;
  const ours = await startOurs(setup);
  const model = ourModel(config, "f32", setup.parameters);
  const optimizer = new AdamW(model.namedParameters(), settings);
  const [ids, targets] = [tokens.slice(0, -1), tokens.slice(1)].map((values) =>
    tensor(Int32Array.from(values), { shape: [batch, context] }),
  );
  const losses: number[] = [];
  const step = async (): Promise<void> => {
    optimizer.zeroGrad();
    const loss = scope(() => {
      const loss = model.loss(ids, targets);
      loss.backward();
      return loss.detach();
    });
    optimizer.step({ clip: settings.clip });
    const value = await loss.item();
    loss.dispose();
    if (losses.length < keptLosses) losses.push(value);
  };
  return {
    version: ours.version,
    async run({ milliseconds }): Promise<TrainingResult> {
      const times = await timeCalls(milliseconds, step);
      return { times, losses, peakBytes: process.resourceUsage().maxRSS * 1024, gpu: await ours.report() };
    },
  };
});
