import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { generateText } from "@gpt/generate";
import { GPT } from "@gpt/gpt";
import type { GPTInitialization } from "@gpt/gpt";
import { loadModel, saveModel } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { CharacterTokenizer, tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { gpt as gptInProcess, records, startSession, temporaryFolder } from "../../test/gpt.ts";

/** 256 bytes, six pairs and the end of a text. */
const tokenCount = 263;
const sizes = { layers: 1, heads: 2, dim: 16, contextLength: 64, vocabSize: 320 };

let tokenizer: Tokenizer;

beforeAll(async () => {
  useBackend(await cpu());
  tokenizer = await trainBPE(["The cat sat on the mat, the owl on the oak."], {
    vocabSize: tokenCount, specialTokens: ["<|endoftext|>"],
  });
  expect(tokenizer.vocabSize).toBe(tokenCount);
});

/** A folder with a model `m`, of more entries than its tokenizer has tokens. */
async function folderWithModel(generation?: GPTInitialization["generation"]): Promise<string> {
  const directory = await temporaryFolder();
  const model = new GPT({ ...sizes, initialStd: 0.3 }, { generation });
  await saveModel(model, join(directory, "m"), { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
  model.dispose();
  return directory;
}

const idsAsPrompt = ["generate", "--model", "m", "--prompt-ids", "1,2,3", "--seed", "0", "--context-shift", "--json"];

test("a model with more entries than its tokenizer has tokens writes, by text and by ids", async () => {
  const gpt = startSession(await folderWithModel());
  const [byText] = records(await gpt("generate", "--model", "m", "--prompt", "The cat", "--max-tokens", "40", "--seed", "0", "--json"));
  expect(byText.tokens).toHaveLength(40);
  expect(Math.max(...(byText.tokens as number[]))).toBeLessThan(tokenCount);

  const [byIds] = records(await gpt(...idsAsPrompt, "--max-tokens", "40"));
  const tokens = byIds.tokens as number[];
  expect(tokens).toHaveLength(40);
  expect(Math.max(...tokens)).toBeGreaterThanOrEqual(tokenCount);
  expect(byIds.text).toBe(tokenizer.decode(tokens.filter((id) => id < tokenCount)));
});

test("what is left out is the model's, else the library's; what is given counts", async () => {
  type Session = ReturnType<typeof startSession>;
  const tokensOf = async (gpt: Session, ...options: string[]): Promise<unknown> =>
    records(await gpt(...idsAsPrompt, ...options))[0].tokens;
  const plain = startSession(await folderWithModel());
  const all = (await tokensOf(plain)) as number[];
  expect(all).toHaveLength(256);
  const library = ["--temperature", "1", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--repetition-penalty", "1"];
  expect(await tokensOf(plain, ...library, "--max-tokens", "256")).toEqual(all);

  const settings = startSession(await folderWithModel({ temperature: 0.3, topK: 5, repetitionPenalty: 1.2, maxTokens: 12 }));
  const given = ["--temperature", "0.3", "--top-k", "5", "--repetition-penalty", "1.2", "--max-tokens", "12"];
  expect(await tokensOf(settings)).toEqual(await tokensOf(plain, ...given));
  expect(await tokensOf(settings)).not.toEqual(all.slice(0, 12));
  expect(await tokensOf(settings, ...library, "--max-tokens", "256")).toEqual(all);
  expect(await tokensOf(settings, "--no-model-defaults")).toEqual(all);

  const [{ seed, tokens: drawn }] = records(await plain("generate", "--model", "m", "--prompt-ids", "1,2,3", "--json"));
  const again = ["generate", "--model", "m", "--prompt-ids", "1,2,3", "--seed", String(seed), "--json"];
  expect(records(await plain(...again))[0].tokens).toEqual(drawn);

  const help = await plain("generate", "--help");
  expect(help.stdout.replace(/\s+/g, " ")).toMatch(/--max-tokens <n> how .*; default: the model's, else 256 --temp.*, else 1 --top-k/);
});

test("says where the context ended the text, and how to write the same again", async () => {
  const gpt = startSession(await folderWithModel());
  const prompt = ["generate", "--model", "m", "--prompt-ids", "1,2,3", "--max-tokens", "200"];
  const { stdout, stderr } = await gpt(...prompt);
  expect(stderr).toContain("Note: the model's context of 64 tokens is full; --context-shift goes on beyond it.\n");
  const seed = /^Note: --seed (\d+) writes the same again\.$/m.exec(stderr)?.[1];
  const same = await gpt(...prompt, "--seed", String(seed));
  expect(same).toMatchObject({ status: 0, stdout });
  expect(same.stderr).not.toContain("--seed");
  const [shifted] = records(await gpt(...prompt, "--seed", String(seed), "--context-shift", "--json"));
  expect(shifted.tokens).toHaveLength(200);
  expect(String(shifted.text).startsWith(stdout.slice(0, -1))).toBe(true);
  expect((await gpt(...prompt, "--context-shift", "--temperature", "0")).stderr).not.toMatch(/context|seed/);
  const long = await gpt("generate", "--model", "m", "--prompt", "The cat ".repeat(40));
  expect(long).toMatchObject({ status: 1, stdout: "" });
  expect(long.stderr).toMatch(/the prompt has \d+ tokens, and the model's context is 64/);
});

test("several texts have seeds in a row, the first of which writes them again", async () => {
  const gpt = startSession(await folderWithModel());
  const args = ["generate", "--model", "m", "--prompt", "The", "--max-tokens", "8"];
  const three = records(await gpt(...args, "--num-samples", "3", "--json"));
  const seeds = three.map(({ seed }) => seed as number);
  expect(seeds).toEqual([0, 1, 2].map((i) => seeds[0] + i));
  expect(new Set(three.map(({ text }) => text)).size).toBe(3);
  const { tokensPerSecond: _first, ...last } = three[2];
  const { tokensPerSecond: _second, ...alone } = records(await gpt(...args, "--seed", String(seeds[2]), "--json"))[0];
  expect(alone).toEqual(last);
  const shown = await gpt(...args, "--num-samples", "2", "--seed", String(seeds[0]));
  expect(shown.stdout).toBe(`The${String(three[0].text)}\n---------------\nThe${String(three[1].text)}\n`);
});

test("a prompt may be left out, or come by standard input", async () => {
  const directory = await folderWithModel();
  const args = ["generate", "--model", "m", "--max-tokens", "4", "--seed", "3", "--json"];
  const [beginning] = records(await gptInProcess(directory, args));
  expect(beginning).toMatchObject({ promptTokens: 1 });
  const model = await loadModel(join(directory, "m"));
  const spelled = { maxTokens: 4, seed: 3, allowedSpecial: "all" } as const;
  expect(beginning.tokens).toEqual((await generateText(model, tokenizer, "<|endoftext|>", spelled)).tokens);
  const input = "The cat\nsat";
  const [read] = records(await gptInProcess(directory, [...args, "--prompt", "-"], { input }));
  const [given] = records(await gptInProcess(directory, [...args, "--prompt", input]));
  expect(read.promptTokens).toBe(tokenizer.encode(input).length);
  expect(read.tokens).toEqual(given.tokens);
});

test("a model whose texts begin with no known token needs a prompt, by text or by ids", async () => {
  const directory = await temporaryFolder();
  const characters = CharacterTokenizer.fromText(["abc"]);
  const model = new GPT({ ...sizes, vocabSize: characters.vocabSize });
  await saveModel(model, join(directory, "m"), { extraFiles: Object.fromEntries(tokenizerFiles(characters)) });
  await saveModel(model, join(directory, "ids"));
  const gpt = startSession(directory);
  const failures = [await gpt("generate", "--model", "m"), await gpt("generate", "--model", "ids", "--prompt", "x")];
  expect(failures.map(({ status, stderr }) => [status, stderr])).toEqual([
    [1, "error: the model names no token that begins a text: give --prompt\n"],
    [1, "error: ids has no tokenizer: give --prompt-ids\n"],
  ]);
});

test("what the model asks for and is not computed is refused, unless its settings are left out", async () => {
  const directory = await folderWithModel({ unsupported: { num_beams: 4 } });
  const gpt = startSession(directory);
  const refused = await gpt(...idsAsPrompt, "--max-tokens", "3");
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain("the model's num_beams is 4 (generation_config.json), which is not computed");
  expect(records(await gpt(...idsAsPrompt, "--max-tokens", "3", "--no-model-defaults"))[0].tokens).toHaveLength(3);
});

test("each thing in a folder that has no effect is said once, on standard error", async () => {
  const directory = await folderWithModel();
  const config = join(directory, "m", "config.json");
  const fields = JSON.parse(await readFile(config, "utf8")) as object;
  await writeFile(config, JSON.stringify({ ...fields, "rope\u001b[31m": 1 }));
  await writeFile(join(directory, "m", "generation_config.json"), JSON.stringify({ top_p: 0.5 }));
  await writeFile(join(directory, "text.txt"), "The cat sat on the mat.");
  const ofConfig = 'Note: m/config.json: "rope\\u001b[31m" is ignored.\n';
  const ofGeneration = "Note: m/generation_config.json: top_p has no effect, as do_sample is not true.\n";
  const gpt = startSession(directory);
  const notesOf = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await gpt(...args);
    expect({ args, status }).toEqual({ args, status: 0 });
    expect(stdout).not.toContain("rope");
    return (stderr.match(/^Note: .*\n/gm) ?? []).join("");
  };
  for (const json of [[], ["--json"]]) {
    const prompt = ["--prompt", "The", "--max-tokens", "1", "--seed", "0"];
    expect(await notesOf("generate", "--model", "m", ...prompt, ...json)).toBe(ofConfig + ofGeneration);
    expect(await notesOf("eval", "--model", "m", "--data", "text.txt", ...json)).toBe(ofConfig + ofGeneration);
    expect(await notesOf("info", "--model", "m", ...json)).toBe(ofConfig);
  }
});

test("a model that is read block by block writes the same", async () => {
  const gpt = startSession(await folderWithModel());
  const held = await gpt(...idsAsPrompt, "--max-tokens", "20", "--no-stream");
  const streamed = await gpt(...idsAsPrompt, "--max-tokens", "20", "--stream");
  expect(records(streamed)[0].tokens).toEqual(records(held)[0].tokens);
});
