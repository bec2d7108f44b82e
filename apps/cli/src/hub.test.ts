import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { GPT } from "@gpt/gpt";
import { saveModel, writeGGUF } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { commit, Hub } from "@gpt/testing/hub";
import { CharacterTokenizer, trainBPE } from "@gpt/tokenizer";
import { tokenizerToGGUF } from "@gpt/tokenizer/gguf";
import { saveTokenizer } from "@gpt/tokenizer/node";
import { expect, onTestFinished, test } from "vitest";
import { gpt, records, startSession, temporaryFolder } from "../test/gpt.ts";

const name = "toys/abc";

test("--model takes a name on the hub: downloaded once, listed, and deleted", async () => {
  const directory = await temporaryFolder();
  const saved = join(directory, "saved");
  useBackend(await cpu());
  await saveModel(new GPT({ vocabSize: 8, contextLength: 16, layers: 1, heads: 1, dim: 8 }, { seed: 1 }), saved);
  await saveTokenizer(CharacterTokenizer.fromText("abcdefgh"), saved);
  const files = Object.fromEntries(await Promise.all((await readdir(saved)).map(async (file) => [file, await readFile(join(saved, file))] as const)));
  const hub = await Hub.start({ [name]: files });
  onTestFinished(() => hub.close());

  const cache = join(directory, "cache");
  const env = { ...process.env, HF_HUB_OFFLINE: "0", HF_HUB_CACHE: cache, HF_ENDPOINT: hub.url };
  const run = startSession(directory, env);
  const generate = ["generate", "--prompt", "abc", "--max-tokens", "5", "--temperature", "0", "--json", "--model"];

  const info = await run("info", "--model", name, "--json");
  expect(records(info)[0]).toMatchObject({ config: { vocabSize: 8 } });
  expect(await readdir(join(cache, "models--toys--abc/snapshots", commit))).toEqual(["config.json"]);

  const fromHub = await run(...generate, name);
  expect(fromHub.stderr).toMatch(/^Downloading [\d.]+ kB from the Hugging Face hub; what has arrived is kept where this ends\.\n$/);
  expect(fromHub.status).toBe(0);
  const [local] = records(await run(...generate, "saved"));
  expect(records(fromHub)[0]).toMatchObject({ text: local.text, tokens: local.tokens });

  const asked = hub.requests.length;
  const offline = await gpt(directory, [...generate, `${name}@main`], { env: { ...env, HF_HUB_OFFLINE: "1" } });
  expect(records(offline)[0].tokens).toEqual(local.tokens);
  expect(hub.requests.length).toBe(asked);
  expect(records(await run("tokenize", "--tokenizer", name, "--json", "cab"))).toEqual([{ tokens: [2, 0, 1], count: 3 }]);

  const bytes = Object.entries(files).reduce((sum, [, { length }]) => sum + length, 40);
  const [listed] = records(await run("models", "--json"));
  expect(listed).toEqual({
    name, path: join(cache, "models--toys--abc"), bytes, incompleteBytes: 0,
    revisions: [{ commit, names: ["main"], path: join(cache, "models--toys--abc/snapshots", commit) }],
  });
  expect((await run("models")).stdout).toMatch(/^toys\/abc +[\d.]+ kB, 607a30d7 main\n\ntogether +[\d.]+ kB\n$/);
  expect(records(await run("models", "rm", name, "--json"))).toEqual([{ removed: name, bytes }]);
  expect(await readdir(cache)).toEqual([]);
  expect((await run("models")).stdout).toBe("The cache has no models.\n");

  const missing = await run(...generate, "toys/none");
  expect(missing).toMatchObject({ status: 1, stdout: "" });
  expect(missing.stderr).toMatch(/^error: there is no file or folder toys\/none, and http:\S+ has no model toys\/none, or it is private \(401\): check the name, .*\n$/);
});

test("--model takes a GGUF file of a repository on the hub, by how it is quantized, with the tokenizer in it", async () => {
  const directory = await temporaryFolder();
  useBackend(await cpu());
  const tokenizer = tokenizerToGGUF(await trainBPE(["to be, or not to be"], { vocabSize: 270 }), { vocabSize: 272 });
  const model = new GPT({ vocabSize: 272, contextLength: 16, layers: 1, heads: 1, dim: 32 }, { seed: 1 });
  await writeGGUF(model, join(directory, "m.gguf"), { dtype: "q8_0", tokenizer });
  const hub = await Hub.start({ "toys/be-GGUF": { "be-Q8_0.gguf": await readFile(join(directory, "m.gguf")), "be-F16.gguf": "never" } });
  onTestFinished(() => hub.close());
  const env = { ...process.env, HF_HUB_OFFLINE: "0", HF_HUB_CACHE: join(directory, "cache"), HF_ENDPOINT: hub.url };
  const run = startSession(directory, env);
  const generate = (model: string) => run("generate", "--prompt", "to be", "--max-tokens", "5", "--temperature", "0", "--json", "--model", model);
  const convert = ["convert", "--model", "toys/be-GGUF:Q8_0@main", "--to", "gguf", "--dtype", "f16", "--out", "out", "--json"];
  const [local] = records(await generate("m.gguf"));
  const [named] = records(await generate("toys/be-GGUF:Q8_0"));
  const several = await generate("toys/be-GGUF");
  const [converted] = records(await run(...convert));
  expect(local.tokens).toHaveLength(5);
  expect(named).toMatchObject({ text: local.text, tokens: local.tokens });
  expect(converted.out).toMatch(/^out.be-f16\.gguf$/i);
  expect(several.stderr).toBe("error: toys/be-GGUF: it has several GGUF files; write one of these behind the name: :Q8_0, :F16\n");
});
