import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ggufChunks } from "@gpt/formats/gguf";
import { Hub } from "@gpt/testing/hub";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { BytePairTokenizer } from "./bpe/tokenizer.ts";
import { trainBPE } from "./bpe/train.ts";
import { CharacterTokenizer } from "./character.ts";
import { encodingByName } from "./encodings.ts";
import { tiktokenFile } from "./files/tiktoken.ts";
import { tokenizerToGGUF } from "./gguf.ts";
import { loadTokenizer, saveTokenizer } from "./node.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gpt-tokenizer-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const text = "to be, or not to be";
const trained = await trainBPE([text], { vocabSize: 270, specialTokens: ["<|endoftext|>"] });

it("saves a tokenizer into a new folder and loads it from there, or from the file in it", async () => {
  const target = join(folder, "a/model");
  for (const tokenizer of [trained, CharacterTokenizer.fromText(text)]) {
    await saveTokenizer(tokenizer, target);
    expect(await readdir(target)).toEqual(["tokenizer.json", "tokenizer_config.json"]);
    for (const path of [target, join(target, "tokenizer.json")]) {
      const loaded = await loadTokenizer(path);
      expect(loaded.encode(text)).toEqual(tokenizer.encode(text));
      expect(loaded.endOfText).toBe(tokenizer.endOfText);
    }
  }
});

it("loads vocab.json with merges.txt", async () => {
  await saveTokenizer(trained, folder);
  const { model } = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8")) as {
    model: { vocab: unknown; merges: string[] };
  };
  const other = join(folder, "other");
  await mkdir(other);
  await writeFile(join(other, "vocab.json"), JSON.stringify(model.vocab));
  await writeFile(join(other, "merges.txt"), `#version: 0.2\n${model.merges.join("\n")}\n`);
  expect((await loadTokenizer(other)).encode(text)).toEqual(trained.encode(text));
});

it("loads .tiktoken files by the name of an encoding, or with options", async () => {
  const gpt2 = await encodingByName("gpt2");
  const known = join(folder, "gpt2.tiktoken");
  await writeFile(known, tiktokenFile(gpt2));
  const loaded = (await loadTokenizer(known)) as BytePairTokenizer;
  expect(loaded.endOfText).toBe(50_256);
  expect(loaded.encode(text)).toEqual(gpt2.encode(text));

  const own = join(folder, "own.tiktoken");
  await writeFile(own, tiktokenFile(trained));
  await expect(loadTokenizer(own)).rejects.toThrow("does not say how text is split; pass { pattern: … }");
  const options = { pattern: "gpt2", specialTokens: { "<|endoftext|>": 300 } } as const;
  expect((await loadTokenizer(own, options)).endOfText).toBe(300);
});

it("says what is wrong with a path or a file", async () => {
  await expect(loadTokenizer(join(folder, "none"))).rejects.toMatchObject({
    code: "missing-file",
    message: `there is no file or folder ${join(folder, "none")}; check the path`,
  });
  await expect(loadTokenizer(folder)).rejects.toMatchObject({
    code: "missing-file",
    message: `${folder} has neither tokenizer.json nor vocab.json with merges.txt`,
  });
  const path = join(folder, "tokenizer.json");
  await writeFile(path, Uint8Array.of(0x7b, 0xff));
  for (const place of [path, folder]) {
    await expect(loadTokenizer(place)).rejects.toMatchObject({
      code: "invalid-file",
      message: `${path} is not valid UTF-8; it is damaged, or no text`,
    });
  }
  await truncate(path, 2 ** 30);
  await expect(loadTokenizer(path)).rejects.toThrow(
    `${path} has 1073741824 bytes, more than the limit of 134217728`,
  );
  await writeFile(path, "{}");
  await expect(loadTokenizer(path)).rejects.toThrow(`${path}: model is not an object`);
  await expect(loadTokenizer(folder)).rejects.toThrow(`${folder}: tokenizer.json: model is not an object`);
  await rm(path);
  await mkdir(path);
  await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: "read-failed" });
});

it("saves into a folder of another tokenizer: none of its files counts any more", async () => {
  await writeFile(join(folder, "special_tokens_map.json"), JSON.stringify({ eos_token: "</s>", pad_token: "<pad>" }));
  await writeFile(join(folder, "added_tokens.json"), JSON.stringify({ "<pad>": 5 }));
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "gpt2" }));
  for (const tokenizer of [trained, CharacterTokenizer.fromText(text)]) {
    await saveTokenizer(tokenizer, folder);
    const loaded = await loadTokenizer(folder);
    expect(loaded.vocabSize).toBe(tokenizer.vocabSize);
    expect(loaded.roles).toEqual(tokenizer.roles);
  }
});

it("reads templates of chats from their files, and saves them", async () => {
  await saveTokenizer(trained, folder);
  await writeFile(join(folder, "chat_template.jinja"), "{{ messages[0].content }}");
  const loaded = await loadTokenizer(folder);
  expect([...loaded.chatTemplates!]).toEqual([["default", "{{ messages[0].content }}"]]);
  const other = await mkdtemp(join(tmpdir(), "gpt-tokenizer-"));
  try {
    await writeFile(join(other, "chat_template.jinja"), "of another");
    await saveTokenizer(loaded, other);
    expect([...(await loadTokenizer(other)).chatTemplates!]).toEqual([...loaded.chatTemplates!]);
    await mkdir(join(other, "additional_chat_templates"));
    await writeFile(join(other, "additional_chat_templates", "tool_use.jinja"), "tools");
    await writeFile(join(other, "additional_chat_templates", "README"), "no template");
    expect([...(await loadTokenizer(other)).chatTemplates!].at(-1)).toEqual(["tool_use", "tools"]);
  } finally {
    await rm(other, { recursive: true });
  }
});

it("loads that of a model on the hub, of which it takes the tokenizer's files alone", async () => {
  await saveTokenizer(trained, folder);
  const texts = await Promise.all(["tokenizer.json", "tokenizer_config.json"].map(async (name) => [name, await readFile(join(folder, name), "utf8")]));
  const hub = await Hub.start({ "toys/words": { ...(Object.fromEntries(texts) as Record<string, string>), "model.safetensors": "x" } });
  const options = { cacheDirectory: join(folder, "cache"), endpoint: hub.url, offline: false };
  try {
    for (const offline of [false, true]) {
      const loaded = await loadTokenizer("toys/words@main", { ...options, offline });
      expect(loaded.encode("the cat")).toEqual(trained.encode("the cat"));
    }
    expect(hub.requests.filter(({ line }) => line.includes("safetensors"))).toEqual([]);
    await expect(loadTokenizer("toys/none", options)).rejects.toMatchObject({
      name: "TokenizerError",
      code: "not-found",
      message: expect.stringMatching(/^there is no file or folder toys\/none, and http:\S+ has no model toys\/none/) as string,
    });
    await expect(loadTokenizer("toys/none", { ...options, offline: true })).rejects.toMatchObject({ code: "not-found" });
    await expect(loadTokenizer("toys/none", { endpoint: 3 as never })).rejects.toMatchObject({ code: "invalid-option" });
  } finally {
    await hub.close();
  }
});

it("loads that of a GGUF file on the hub", async () => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of ggufChunks([], tokenizerToGGUF(trained))) chunks.push(chunk);
  const hub = await Hub.start({ "toys/words-GGUF": { "a-Q8_0.gguf": Buffer.concat(chunks), "b-F16.gguf": "never" } });
  const options = { cacheDirectory: join(folder, "cache"), endpoint: hub.url, offline: false };
  try {
    for (const name of ["toys/words-GGUF:Q8_0", "toys/words-GGUF/a-Q8_0.gguf"]) {
      expect((await loadTokenizer(name, options)).encode("the cat")).toEqual(trained.encode("the cat"));
    }
    await expect(loadTokenizer("toys/words-GGUF", options)).rejects.toMatchObject({ name: "TokenizerError", message: expect.stringContaining(":Q8_0, :F16") as string });
    expect(hub.requests.filter(({ line }) => line.includes("F16"))).toEqual([]);
  } finally {
    await hub.close();
  }
});

it.each(["", 3, "a\0b"] as string[])("refuses the path %j", async (path) => {
  await expect(loadTokenizer(path)).rejects.toThrow(/^path is .+; give the path of a file or folder$/);
  await expect(saveTokenizer(trained, path)).rejects.toThrow(/^folder is .+; give the path of a file or folder$/);
});
