import { expect, test } from "vitest";
import { cacheDTypes, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { generateRagged, raggedModel } from "../test/ragged.ts";

/** Makes attention store its pattern. */
const looking = { "blocks.0.attention.pattern": () => undefined, "blocks.1.attention.pattern": () => undefined };

const backends = { cpu: () => cpu(), wasm: () => wasm({ threads: 1 }), "wasm on two threads": () => wasm({ threads: 2 }) };
const cases = Object.entries(backends).flatMap(([name, start]) => cacheDTypes.map((dtype) => [name, dtype, start] as const));

test.each(cases)("on %s, kept as %s, seven lengths together give the tokens of each alone", async (_, dtype, start) => {
  const backend = await start();
  useBackend(backend);
  const model = raggedModel();
  const [together, alone] = [await generateRagged(model, "together", dtype), await generateRagged(model, "alone", dtype)];
  expect(together.generated).toEqual(alone.generated);
  // Tokens are told apart by more than what the order of sums changes.
  expect(alone.margin).toBeGreaterThan(1e-3);
  expect(together.generated.map(({ length }) => length)).toEqual([12, 12, 8, 12, 12, 12, 12, 8]);
  if (dtype === "int8") expect((await generateRagged(model, "together", dtype, looking)).generated).toEqual(alone.generated);
  model.dispose();
  expect(backend.memory.liveBuffers).toBe(0);
  backend.dispose();
});
