import type { GPTConfig } from "@gpt/gpt";
import { writeGGUF } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { trainBPE } from "@gpt/tokenizer";
import { tokenizerToGGUF } from "@gpt/tokenizer/gguf";
import { ourModel } from "../contenders/ours-model.ts";

/** How the matrices are stored; biases, norms and positions stay f32. */
export type GgufFormat = "F32" | "F16" | "Q8_0";

const dtypes = { F32: "f32", F16: "f16", Q8_0: "q8_0" } as const satisfies Record<GgufFormat, string>;

/** Writes our model with the suite's weights as llama.cpp reads it. It wants a tokenizer, though it is given ids: one of single bytes. */
export async function writeGguf(file: string, config: GPTConfig, format: GgufFormat): Promise<void> {
  const backend = await cpu();
  const model = useBackend(backend, () => ourModel(config));
  try {
    const tokenizer = await trainBPE(["a"], { vocabSize: 257, specialTokens: ["<|endoftext|>"] });
    await writeGGUF(model, file, { dtype: dtypes[format], tokenizer: tokenizerToGGUF(tokenizer, { vocabSize: config.vocabSize }) });
  } finally {
    backend.dispose();
  }
}
