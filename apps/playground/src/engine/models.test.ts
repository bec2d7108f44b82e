import { blobOf } from "@gpt/formats/web";
import { GPT } from "@gpt/gpt";
import { ggufModelFiles } from "@gpt/gpt/gguf";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { tokenizerToGGUF } from "@gpt/tokenizer/gguf";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { ModelSource } from "./api/model.ts";
import { open } from "./models.ts";
import { Session } from "./session.ts";

let backend: Backend;
let tokenizer: Tokenizer;
let session: Session;
let first: GPT;
const alone = { asInt8: false, isAlone: true };

beforeAll(async () => {
  backend = await wasm({ threads: 1 });
  useBackend(backend);
  tokenizer = await trainBPE(["to be or not to be"], { vocabSize: 262 });
});

beforeEach(async () => {
  session = new Session();
  session.started = { backend, report: { kind: "wasm", threads: 1, obstacles: [] } };
  first = tiny();
  await session.replaceModel(first, tokenizer, 0);
});

const tiny = (): GPT => new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 8, layers: 1, heads: 1, dim: 32 });
const isOpen = ({ tokenEmbedding: { weight } }: GPT): boolean => !weight.disposed;

async function source(): Promise<ModelSource> {
  const [file] = ggufModelFiles("tiny.gguf", tiny(), { tokenizer: tokenizerToGGUF(tokenizer) });
  return { kind: "files", name: file.name, files: [new File([await blobOf(file)], file.name)] };
}

test("a model that is given up before it is read leaves the open one, which was to go first; one that is opened takes its place", async () => {
  const place = await source();
  await expect(open(session, place, alone, AbortSignal.abort(), () => undefined)).rejects.toThrow("abort");
  expect([session.hasModel, isOpen(first)]).toEqual([true, true]);
  await open(session, place, alone, new AbortController().signal, () => undefined);
  expect([session.hasModel, isOpen(first)]).toEqual([true, false]);
});

test("of models that are opened at once, one stays", async () => {
  const others = [tiny(), tiny()];
  await Promise.all(others.map((other) => session.replaceModel(other, tokenizer, 0)));
  expect([first, ...others].map(isOpen)).toEqual([false, false, true]);
});
