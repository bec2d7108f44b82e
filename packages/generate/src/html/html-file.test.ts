import { beforeEach, expect, test } from "vitest";
import { GPT, resolveConfig } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { meta } from "@gpt/tensor/meta";
import { CharacterTokenizer } from "@gpt/tokenizer";
import { collect } from "@gpt/testing/memory-folder";
import { htmlFile } from "./html-file.ts";
import type { HTMLOptions } from "./html-file.ts";

beforeEach(async () => void useBackend(await cpu()));

/** What would end the element that a text is in, or keep it open. */
const hostile = "</script><script>alert(1)</script><!--<script></title>&lt;\u2028";
const tokenizer = CharacterTokenizer.fromText(`One day ${hostile}`);
const model = (sizes: { dim?: number; layers?: number } = {}): GPT =>
  new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 32, layers: 1, heads: 1, dim: 96, ...sizes });

test("has as many bytes as it says, in parts, and no text of the model ends the element that it is in", async () => {
  const large = model({ layers: 12 });
  const { byteLength, chunks } = htmlFile(large, tokenizer, { name: hostile, license: hostile });
  const { file } = await collect([{ name: "file", chunks }]);
  expect(file).toHaveLength(byteLength);
  const text = new TextDecoder().decode(file);
  const [, json] = /<script type="application\/json" id="model">(.*?)<\/script>/s.exec(text)!;
  const described = JSON.parse(json) as { readonly [field: string]: unknown; readonly byteLength: number };
  expect(described).toMatchObject({ name: hostile, license: hostile, dtype: "int8", config: large.config, chats: false });
  const parts = Array.from(text.matchAll(/<script type="application\/octet-stream">([\w+/=]*)<\/script><script>part\(\)<\/script>/g), ([, part]) => part);
  expect(parts).toHaveLength(2);
  expect(Buffer.from(parts.join(""), "base64")).toHaveLength(described.byteLength);
  // Description, engine and the page's script; two of each part.
  expect(text.match(/<script/g)).toHaveLength(3 + 2 * parts.length);
  expect(text.match(/<\/script/g)).toHaveLength(3 + 2 * parts.length);
  // Licenses come first, and are the one comment.
  expect(text.split("<!--")).toHaveLength(2);
  expect(text).toContain("MIT License");
});

test.each<[string, () => [GPT, unknown, HTMLOptions?], string, string]>([
  ["a model of classes", () => [new GPT({ ...resolveConfig(model().config), head: { type: "classes" as const, labels: ["a", "b"] } }), tokenizer], "invalid-option", "gives classes, and writes nothing"],
  ["no tokenizer", () => [model(), undefined], "invalid-option", "the tokenizer must be a tokenizer"],
  ["another dtype", () => [model(), tokenizer, { dtype: "q2" as never }], "invalid-option", "dtype must be one of"],
  ["a model without values", () => [useBackend(meta(), () => model()), tokenizer], "invalid-option", "has no values"],
  [
    "what browsers do not open",
    () => [useBackend(meta(), () => model({ dim: 8192, layers: 4 })), tokenizer, { weights: { read: () => Promise.reject(new Error()) } }],
    "too-large", "browsers open at most 2000000000: choose a smaller model, or store it in fewer bits (int4)",
  ],
])("refuses %s", (_, given, code, message) => {
  expect(() => htmlFile(...(given() as [GPT, CharacterTokenizer]))).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }));
});
