import { join } from "node:path";
import { expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import { writeGGUF } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { temporaryFolder } from "../test/gpt.ts";
import { runningNeed } from "./memory.ts";
import { openModel } from "./model.ts";
import { Output } from "./output.ts";

test("matrices stay in the blocks of a file, unless --dtype is given", async () => {
  useBackend(await cpu());
  const path = join(await temporaryFolder(), "m.gguf");
  await writeGGUF(new GPT({ vocabSize: 64, contextLength: 16, layers: 1, heads: 2, dim: 32 }), path, { dtype: "q8_0" });
  const dtypes: string[] = [];
  for (const dtype of [undefined, "bf16"] as const) {
    const { model } = await openModel({ model: path, backend: "cpu", dtype }, ({ config, dtypes }) => runningNeed(config, dtypes, 1), new Output({}));
    dtypes.push(model.tokenEmbedding.weight.dtype);
    model.dispose();
  }
  expect(dtypes).toEqual(["int8", "bf16"]);
});
