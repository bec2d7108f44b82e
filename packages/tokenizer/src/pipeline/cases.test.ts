import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pipelineCases, pipelineTexts } from "../../test/pipeline-cases.ts";
import { tokenizerFiles, tokenizerFromFiles } from "../files/folder.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** What the Rust library makes of the cases (tooling/interop/src/make-tokenizer-expectations.ts). */
const expected = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../test/pipeline-cases.json"), "utf8"),
) as Record<string, { size: number; ids: number[][]; around: number[][]; decoded: string[] }>;

function streamed(tokenizer: Tokenizer, ids: readonly number[]): string {
  const decoder = tokenizer.createDecoder();
  return ids.map((id) => decoder.push(id)).join("") + decoder.flush();
}

describe("each part of a tokenizer.json does what it does in Hugging Face's tokenizers", () => {
  it.each(pipelineCases)("$title", ({ title, json }) => {
    const { size, ids, around, decoded } = expected[title];
    const read = tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify(json)]]));
    // What is written of it again, too.
    for (const tokenizer of [read, tokenizerFromFiles(tokenizerFiles(read))]) {
      expect(tokenizer.vocabSize).toBe(size);
      for (const [index, text] of pipelineTexts.entries()) {
        const found = tokenizer.encode(text, { allowedSpecial: "all" });
        expect(found, JSON.stringify(text)).toEqual(ids[index]);
        expect(tokenizer.encode(text, { allowedSpecial: "all", addSpecialTokens: true })).toEqual(around[index]);
        expect(tokenizer.decode(found), JSON.stringify(text)).toBe(decoded[index]);
        expect(streamed(tokenizer, found)).toBe(decoded[index]);
      }
    }
  });
});
