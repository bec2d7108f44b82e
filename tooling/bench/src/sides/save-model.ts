import { saveModel } from "@gpt/gpt/node";
import type { GPTConfig } from "@gpt/gpt";
import { serve } from "../harness/serve.ts";
import { writeWeights, weightShapes } from "../models/weights.ts";
import { startOurs } from "./ours-backend.ts";
import { modelFromFile } from "./ours-model.ts";

/** Makes a model folder in the Hugging Face layout. */
await serve<object, { config: GPTConfig; folder: string; weights: string }>(async () => {
  const backend = await startOurs({ threads: 1 });
  return {
    version: backend.name,
    async run({ config, folder, weights }) {
      writeWeights(weights, weightShapes(config));
      const model = modelFromFile(config, weights);
      await saveModel(model, folder);
      model.dispose();
    },
  };
});
