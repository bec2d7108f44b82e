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
  readonly format?: GPTInitialization["format"];
}

await serve<Setup, DecodingTask>(async (setup) => {
  const backend = await startOurs(setup);
  const model = ourModel(setup.config, setup.format);
  return {
    version: backend.name,
    run: ({ prompt, tokens }) => timeTokens(bestTokens(model, prompt, tokens), tokens),
  };
});

async function* bestTokens(model: GPT, prompt: readonly number[], maxTokens: number): AsyncGenerator<number> {
  for await (const { id } of streamTokens(model, prompt, { maxTokens, temperature: 0 })) yield id;
}
