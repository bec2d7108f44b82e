import type { GGUFArchitecture } from "./architecture.ts";
import { gpt2 } from "./gpt2.ts";
import { gptOss } from "./gpt-oss.ts";
import { llama } from "./llama.ts";
import { qwen2, qwen3 } from "./qwen.ts";

/** All kinds of models that GGUF files hold here, in the order in which a model is offered to them. A new one is a file here, and a line. */
export const ggufArchitectures: readonly GGUFArchitecture[] = [gpt2, llama, qwen2, qwen3, gptOss];
