import { generateText } from "@gpt/generate";
import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { tokensInMemory, train } from "@gpt/train";

const text = "big owls jump. ".repeat(40);

/** Learns a sentence and goes on with it, on each backend. */
export async function program(options) {
  return [await learn(await cpu()), await learn(await wasm(options))];
}

async function learn(backend) {
  const steps = 40;
  useBackend(backend);
  const tokenizer = CharacterTokenizer.fromText(text);
  const { vocabSize } = tokenizer;
  const model = new GPT({ vocabSize, contextLength: 16, layers: 1, heads: 2, dim: 16 }, { seed: 1 });
  const losses = [];
  const data = { train: tokensInMemory(tokenizer.encode(text)) };
  for await (const event of train(model, { data, steps, batchSize: 4, learningRate: 0.03, logEvery: steps / 2 })) {
    if (event.type === "step") losses.push(event.loss);
  }
  const options = { maxTokens: 17, temperature: 0, contextShift: true };
  const { text: continuation } = await generateText(model, tokenizer, "big", options);
  model.dispose();
  return { backend: backend.name, losses, continuation };
}
