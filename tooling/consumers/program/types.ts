// A user's program in TypeScript: every export has a type of its own, and the types fit together.
import { generateText } from "@gpt/generate";
import type { GeneratedText } from "@gpt/generate";
import { GPT } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { Linear, Module } from "@gpt/nn";
import { tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { train } from "@gpt/train";

type AnyExports<M> = { [K in keyof M]: 0 extends 1 & M[K] ? K : never }[keyof M];
type HasTypes<M> = [AnyExports<M>] extends [never] ? true : false;

export const typed: [
  HasTypes<typeof import("@gpt/generate")>,
  HasTypes<typeof import("@gpt/gpt")>,
  HasTypes<typeof import("@gpt/gpt/node")>,
  HasTypes<typeof import("@gpt/gpt/onnx")>,
  HasTypes<typeof import("@gpt/gpt/onnx/node")>,
  HasTypes<typeof import("@gpt/nn")>,
  HasTypes<typeof import("@gpt/tensor")>,
  HasTypes<typeof import("@gpt/tensor/compositions")>,
  HasTypes<typeof import("@gpt/tensor/cpu")>,
  HasTypes<typeof import("@gpt/tensor/meta")>,
  HasTypes<typeof import("@gpt/tensor/testing")>,
  HasTypes<typeof import("@gpt/tensor/wasm")>,
  HasTypes<typeof import("@gpt/tensor/webgpu")>,
  HasTypes<typeof import("@gpt/tokenizer")>,
  HasTypes<typeof import("@gpt/tokenizer/gpt2")>,
  HasTypes<typeof import("@gpt/tokenizer/node")>,
  HasTypes<typeof import("@gpt/train")>,
  HasTypes<typeof import("@gpt/train/node")>,
  HasTypes<typeof import("@gpt/formats")>,
  HasTypes<typeof import("@gpt/formats/node")>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true];

export class Doubled extends Module {
  readonly inner: Linear;

  constructor(inner: Linear) {
    super();
    this.inner = inner;
  }

  forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}

export async function main(): Promise<GeneratedText> {
  const tokenizer = CharacterTokenizer.fromText("to be or not to be");
  const model = new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 8, layers: 1, heads: 1, dim: 8 });
  const config: GPTConfig = model.config;
  const ids = tensor([1, 2, 3], { dtype: "i32" });
  const data = { train: { length: 3, read: async () => ids.data() } };
  for await (const event of train(model, { steps: 1, data })) {
    if (event.type === "step") event.loss satisfies number;
    // @ts-expect-error: no such event
    if (event.type === "stop") return;
  }
  // @ts-expect-error: a backend is no model
  await generateText(config, tokenizer, "to", { maxTokens: 1 });
  return generateText(model, tokenizer, "to", { maxTokens: 1 });
}
