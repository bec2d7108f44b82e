import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { trainBPE } from "@gpt/tokenizer";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../test/gpt.ts";
import { jsonLines } from "../../test/tuning.ts";
import { Output } from "../output.ts";
import { writeAnswers } from "./answers.ts";
import type { FinetuneOptions } from "./options.ts";
import { readAll } from "./records.ts";
import { labelsOf, readTaskRecords } from "./task-data.ts";

const output = new Output({ json: true });
beforeAll(async () => useBackend(await wasm({ threads: 1 })));

async function file(values: readonly object[]): Promise<string> {
  const path = join(await temporaryFolder(), "data.jsonl");
  await writeFile(path, jsonLines(values));
  return path;
}

test("dialogues by another name keep what else they have, for the template", async () => {
  const path = await file([{ conversation: [], tools: [1] }, { conversation: [] }]);
  const read = await readAll([path], { columns: "messages=conversation", task: "chat" }, output);
  expect(read.map(({ value }) => value)).toEqual([{ tools: [1], messages: [] }, { messages: [] }]);
});

test("the same text is on one side, whatever else its records say; labels that are only on the other side are known", async () => {
  const values = Array.from({ length: 40 }, (_, id) => ({ id, text: `text ${id % 8}`, label: `label ${id % 8}` }));
  const options = { task: "classify", data: [await file(values)], validationShare: 0.3, seed: 1 } as unknown as FinetuneOptions;
  const records = await readTaskRecords(options, output);
  const [train, validation] = [records.train, records.validation].map((side) => new Set(side.map(({ value }) => value.text)));
  expect([records.train.length + records.validation.length, train.size + validation.size]).toEqual([40, 8]);
  expect(validation.size).toBeGreaterThan(0);
  const { config } = new GPT({ vocabSize: 4, contextLength: 4, layers: 1, heads: 1, dim: 4 });
  expect(labelsOf(records, config, options, output)).toHaveLength(8);
});

test("answers are as many as are asked for", async () => {
  const tokenizer = await trainBPE(["a b"], { vocabSize: 256 });
  const model = new GPT({ vocabSize: 256, contextLength: 16, layers: 1, heads: 1, dim: 8 });
  const examples = Array.from({ length: 1100 }, () => ({ ids: Int32Array.of(1, 2, 3), mask: Uint8Array.of(0, 0, 1) }));
  expect(await writeAnswers(model, tokenizer, examples, { maxTokens: 1 })).toHaveLength(1100);
});
