import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readmeExamples, runExample } from "@gpt/testing/readme";

const packageFolder = join(import.meta.dirname, "..");

test("the examples of the README print what it says", async () => {
  const directory = await mkdtemp(join(tmpdir(), "gpt-readme-"));
  try {
    const outputs: string[] = [];
    for (const example of await readmeExamples(packageFolder)) {
      outputs.push(await runExample(example, packageFolder, directory));
    }
    expect(outputs).toEqual([
      "pattern [ 1, 4, 4, 4 ]\nlogits [ 1, 4, 100 ]\n",
      "embed says 8 0.029\nblocks.0.residual says 8 0.028\nblocks.1.residual says 8 0.023\n[ 2, 100 ]\n",
      "[ 2, 100 ]\n[ 2, 5 ] 864\n",
      "4 196224\n",
      "108544\n",
      "{ type: 'dense', hiddenDim: 256, activation: 'gelu_new', bias: true } {}\n",
      "",
      "int8\n",
      "true\n",
      "126656\n",
      "[ 'transformer.h.0.attn.c_attn', 'transformer.h.1.attn.c_attn' ] 2048\n",
      "[ 'default', 'again' ]\n",
      "4 1\n",
      "[ 'model.onnx', 'model_quantized.onnx' ]\n",
      "124439808 1991036928 73728\n",
      "8 × 6 × 21: 69.4 GB; 48 devices are enough\n",
    ]);
    const readme = await readFile(join(packageFolder, "README.md"), "utf8");
    for (const line of outputs.flatMap((output) => output.trim().split("\n"))) expect(readme).toContain(`\`${line}\``);
  } finally {
    await rm(directory, { recursive: true });
  }
});
