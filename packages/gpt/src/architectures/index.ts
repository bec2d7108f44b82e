import type { Architecture } from "./architecture.ts";
import { gptOss } from "./gpt-oss.ts";
import { gptTypescript } from "./gpt-typescript.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { mixtral } from "./mixtral.ts";
import { openaiGpt } from "./openai-gpt.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

/**
 * All architectures, in the order in which a model is offered to them when it is saved: the last one takes every model. A new
 * one is a file here, and a line.
 */
export const architectures: readonly Architecture[] = [
  openaiGpt, gpt2, llama, mistral, mixtral, qwen2, qwen3, gptOss, gptTypescript,
];
