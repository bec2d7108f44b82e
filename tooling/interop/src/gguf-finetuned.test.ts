import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GPT, GPTConfig } from "@gpt/gpt";
import { loadModel, saveModel } from "@gpt/gpt/node";
import { useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { gpt } from "@gpt/testing/gpt-command";
import { tokenizerFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { applyChatTemplate } from "@gpt/tokenizer/chat";
import { loadTokenizer } from "@gpt/tokenizer/node";
import type { Llama, Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { greedy, toy, toys } from "./gguf-models.ts";
import { inLlama, startLlama } from "./llama.ts";

// What is tuned here, llama.cpp answers with: the same ids behind the same template, to the token that ends an answer.

let folder: string;
let llama: Llama;

/** Questions with the answers that are to be learnt. */
const answers = { cat: "soft", dog: "loud", owl: "wise", fox: "sly and red", hen: "brown", cow: "big and slow" };
const template = "{% for message in messages %}<{{ message.role }}> {{ message.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
const context = 64;

beforeAll(async () => {
  useBackend(await wasm());
  folder = await mkdtemp(join(tmpdir(), "gpt-finetuned-"));
  const text = Object.entries(answers).map(([animal, word]) => `<user> what is a ${animal}? <assistant> ${word}. a ${animal} is ${word}.\n`).join("");
  await writeFile(join(folder, "text.txt"), text.repeat(60));
  const chats = Object.entries(answers).map(([animal, word]) => JSON.stringify({
    messages: [{ role: "user", content: `what is a ${animal}?` }, { role: "assistant", content: word }],
  }));
  await writeFile(join(folder, "chats.jsonl"), `${chats.join("\n")}\n`);
  await writeFile(join(folder, "template.jinja"), template);
  const learn = ["--data", join(folder, "text.txt"), "--batch", "8", "--steps", "60"];
  const sizes = ["--layers", "2", "--heads", "4", "--dim", "64", "--context", `${context}`, "--vocab-size", "310"];
  await gpt("train", ...learn, "--tokenizer", "bpe", ...sizes, "--out", join(folder, "gpt2"));
  const tokenizer = await loadTokenizer(join(folder, "gpt2"));
  const config: GPTConfig = { ...(toys.llama as GPTConfig), vocabSize: tokenizer.vocabSize, contextLength: context };
  const seed = join(folder, "seed");
  await saveModel(toy(config, 1), seed, { extraFiles: Object.fromEntries(tokenizerFiles(tokenizer)) });
  await gpt("train", "--from", seed, ...learn, "--out", join(folder, "llama"));
  llama = await startLlama();
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true });
});

/** The ids of a question, to its answer. */
function promptOf(animal: string, tokenizer: Tokenizer): { readonly text: string; readonly ids: readonly number[] } {
  return applyChatTemplate([{ role: "user", content: `what is a ${animal}?` }], { tokenizer, addGenerationPrompt: true });
}

/** The likeliest ids of an answer, to the one that ends it, and by how much each is likelier than the next. */
function answerOf(model: GPT, prompt: readonly number[], end: number): { readonly ids: readonly number[]; readonly margin: number } {
  const { ids, margins } = greedy(model, prompt, 24);
  const length = ids.indexOf(end) + 1;
  return { ids: ids.slice(0, length), margin: Math.min(...margins.slice(0, length)) };
}

describe.each(["gpt2", "llama"])("a model of %s", (base) => {
  test.each(["full", "lora"])("%s: llama.cpp gives the same answers, in f32, f16 and q8_0", async (method) => {
    const tuned = join(folder, `${base}-${method}`);
    const chats = ["--task", "chat", "--data", join(folder, "chats.jsonl"), "--template", join(folder, "template.jinja"), "--validation-share", "0"];
    const learn = ["--method", method, "--steps", "150", "--batch", "6", "--answers", "0", ...(method === "full" ? ["--lr", "0.002"] : ["--lr", "0.01", "--rank", "8"])];
    await gpt("finetune", "--model", join(folder, base), ...chats, ...learn, "--out", tuned);
    const tokenizer = await loadTokenizer(tuned);
    const model = await loadModel(tuned);
    const prompts = Object.keys(answers).map((animal) => promptOf(animal, tokenizer));
    const ours = prompts.map(({ ids }) => answerOf(model, ids, tokenizer.endOfText!));
    expect(ours.map(({ ids }) => tokenizer.decode(ids.slice(0, -1)).trim())).toEqual(Object.values(answers));
    console.info(`${base}, ${method}: the least margin is ${Math.min(...ours.map(({ margin }) => margin)).toFixed(2)}`);
    for (const dtype of ["f32", "f16", "q8_0"]) {
      const file = `${tuned}-${dtype}.gguf`;
      await gpt("convert", "--model", tuned, "--to", "gguf", "--dtype", dtype, "--out", file);
      await inLlama(llama, file, async (sequence) => {
        expect(sequence.model.fileInfo.metadata.tokenizer.chat_template).toBe(template);
        for (const [i, { text, ids }] of prompts.entries()) {
          expect(sequence.model.tokenize(text, true).map(Number)).toEqual(ids);
          await sequence.clearHistory();
          const theirs: number[] = [];
          for await (const id of sequence.evaluate(ids as Token[], { temperature: 0, yieldEogToken: true })) {
            theirs.push(id);
            if (sequence.model.isEogToken(id) || theirs.length > 24) break;
          }
          expect(theirs, `${dtype}: ${text}`).toEqual(ours[i].ids);
        }
      });
    }
    model.dispose();
  });
});
