import type { TrainOptions } from "../src/loop/options.ts";

/** A short run that pages and Node do alike. Rates do not change, so that it may be stopped at any step, and learn no more than a moment. */
export const webRun = {
  model: { dropout: 0.2 },
  steps: 12,
  settings: { batchSize: 2, learningRate: 0.01, schedule: "constant", warmupSteps: 0, logEvery: 1, evaluateEvery: 4, checkpointEvery: 3 },
} as const satisfies { steps: number; model: object; settings: Partial<TrainOptions> };
