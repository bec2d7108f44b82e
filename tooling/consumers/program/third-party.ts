/** Checks a backend of another author by the conformance suite, and trains a GPT on it and on cpu, from the same seed. */
import { generateText } from "@gpt/generate";
import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { checkCase, conformanceCases } from "@gpt/tensor/testing";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { tokensInMemory, train } from "@gpt/train";
import { plainBackend } from "./backend.ts";

const failures: string[] = [];
const kernels: Record<string, number> = {};
const plain = plainBackend();
for (const subject of conformanceCases()) {
  // A few small cases of each kernel: its compositions are tested in full elsewhere.
  const count = (kernels[subject.kernel] ?? 0) + 1;
  if ((subject.size ?? 0) > 500 || count > 20) continue;
  kernels[subject.kernel] = count;
  await checkCase(subject, plain).catch((error: Error) => failures.push(error.message));
}

const text = "She sells sea shells by the sea shore. ".repeat(40);
const tokenizer = CharacterTokenizer.fromText(text);

async function learn(backend: Backend): Promise<{ losses: number[]; text: string; liveBuffers: number }> {
  useBackend(backend);
  const { vocabSize } = tokenizer;
  const model = new GPT({ vocabSize, contextLength: 16, layers: 1, heads: 2, dim: 16, dropout: 0.1 }, { seed: 1 });
  const losses: number[] = [];
  const data = { train: tokensInMemory(tokenizer.encode(text)) };
  for await (const event of train(model, { data, steps: 20, batchSize: 2, learningRate: 0.03, logEvery: 1 })) {
    if (event.type === "step") losses.push(event.loss);
  }
  const written = await generateText(model, tokenizer, "She", { maxTokens: 12, temperature: 0 });
  model.dispose();
  return { losses, text: written.text, liveBuffers: backend.memory.liveBuffers };
}

const [reference, learnt] = [await learn(await cpu()), await learn(plain)];
console.log(JSON.stringify({ failures, kernels: Object.keys(kernels), reference, learnt }));
