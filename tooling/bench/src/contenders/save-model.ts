import { saveModel } from "@gpt/gpt/node";
import type { GPTConfig } from "@gpt/gpt";
import { serve } from "../harness/serve.ts";
import { startOurs } from "./ours-backend.ts";
import { ourModel } from "./ours-model.ts";

/** Makes a model folder in the Hugging Face layout. */
await serve<object, { config: GPTConfig; folder: string }>(async () => {
  const { version } = await startOurs({ threads: 1 });
  return {
    version,
    async run({ config, folder }) {
      const model = ourModel(config);
      await saveModel(model, folder);
      model.dispose();
    },
  };
});
