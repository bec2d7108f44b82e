import { matmul, rand, softmax, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { webgpu } from "@gpt/tensor/webgpu";

/** Some numbers, which are the same on a GPU and elsewhere. */
async function compute(backend) {
  useBackend(backend);
  const [a, b] = [1, 2].map((seed) => rand([8, 8], { seed }));
  return { backend: backend.name, values: Array.from(await softmax(matmul(a, b)).data()) };
}

async function compare() {
  return [await compute(await cpu()), await compute(await webgpu())];
}

compare().then((results) => {
  globalThis.result = results;
});
