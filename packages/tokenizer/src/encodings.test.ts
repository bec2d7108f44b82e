import { expect, it } from "vitest";
import { encodingByName, encodingNames } from "./encodings.ts";
import { specifications } from "./encodings/specifications.ts";

it("loads each encoding once, by its name", async () => {
  expect(encodingNames).toEqual(Object.keys(specifications));
  const sizes: number[] = [];
  for (const name of encodingNames) {
    const tokenizer = await encodingByName(name);
    expect(await encodingByName(name)).toBe(tokenizer);
    sizes.push(tokenizer.vocabSize);
  }
  expect(sizes).toEqual([50_257, 50_257, 50_281, 50_284, 100_277, 200_019, 201_088]);
});

it("names those that there are, where one is not", async () => {
  await expect(encodingByName("gpt3")).rejects.toThrowErrorMatchingInlineSnapshot(
    `[TokenizerError: there is no encoding "gpt3"; there are gpt2, r50k_base, p50k_base, p50k_edit, cl100k_base, o200k_base, o200k_harmony]`,
  );
  await expect(encodingByName("__proto__")).rejects.toMatchObject({ code: "unknown-encoding" });
});
