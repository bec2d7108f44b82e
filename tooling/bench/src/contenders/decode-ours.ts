import { streamTokens } from "@gpt/generate";
import type { GPT, GPTConfig, GPTInitialization } from "@gpt/gpt";
import { serve } from "../harness/serve.ts";
import { startOurs } from "./ours-backend.ts";
import type { OursSetup } from "./ours-backend.ts";
import { ourModel } from "./ours-model.ts";
import { timeTokens } from "./decoding.ts";
import type { DecodingTask } from "./decoding.ts";

interface Setup extends OursSetup {
  readonly config: GPTConfig;
  readonly dtype?: GPTInitialization["dtype"];
}

await serve<Setup, DecodingTask>(async (setup) => {
  const ours = await startOurs(setup);
  const model = ourModel(setup.config, setup.dtype);
  return {
    version: ours.version,
    async run({ prompt, tokens }) {
      const result = await timeTokens(bestTokens(model, prompt, tokens), tokens);
      return { ...result, gpu: await ours.report() };
    },
  };
});

async function* bestTokens(model: GPT, prompt: readonly number[], maxTokens: number): AsyncGenerator<number> {
  for await (const event of streamTokens(model, prompt, { maxTokens, temperature: 0 })) {
    if (event.type === "token") yield event.id;
  }
}
