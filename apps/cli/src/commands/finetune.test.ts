import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { examplesIn, runExample } from "@gpt/testing/readme";
import { describe, expect, test } from "vitest";
import { records } from "../../test/gpt.ts";
import { jsonLines, tuningFolder, words } from "../../test/tuning.ts";

const { at, gpt, gptProcess } = tuningFolder();

const finetune = (...args: readonly string[]) => gpt("finetune", "--model", "base", ...args, "--json");

test("dialogues: an adapter is trained, the answers alone; it is resumed, writes, and leaves as a whole model", async () => {
  const run = ["--task", "chat", "--data", "chats.jsonl", "--method", "lora", "--rank", "4", "--lr", "0.02", "--steps", "12", "--log-every", "1", "--checkpoint-every", "4", "--best", "--patience", "9"];
  const whole = await finetune(...run, "--out", "chat", "--show-samples", "1", "--answers", "3");
  expect(whole.status, whole.stderr).toBe(0);
  expect(whole.stderr).toMatch(/Example 1, \d+ tokens, of which \d+ are learnt:\n {2}user\n {2}\w+ \w+<\|endoftext\|>\n {2}assistant\n {2}⟦\w+<\|endoftext\|>\n {2}⟧user/);
  const events = records(whole);
  const last = events.at(-1)!;
  expect(last).toMatchObject({
    done: true, step: 12, loss: expect.any(Number) as number, exactMatch: expect.any(Number) as number, bleu: expect.any(Number) as number, out: "chat",
    best: { step: expect.any(Number) as number, loss: expect.any(Number) as number },
  });
  expect(last.trainable as number).toBeLessThan((last.parameters as number) / 2);
  const [{ sample }] = events.filter((event) => "valLoss" in event && "sample" in event);
  expect(sample).toEqual({ prompt: expect.stringMatching(/assistant\n$/) as string, wanted: expect.stringMatching(/^\w+$/) as string, written: expect.any(String) as string });
  expect(whole.stderr).toMatch(/step 12: validation loss \d\.\d{4}\n {2}user .* assistant → /);
  const losses = events.filter((event) => "lr" in event).map(({ loss }) => loss as number);
  expect(losses.at(-1)).toBeLessThan(losses[0]);
  expect((await readdir(at("chat"))).sort()).toEqual([
    "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "checkpoints", "metrics.jsonl", "run.json", "tokenizer.json", "tokenizer_config.json",
  ]);

  // The same in two processes, by the newest checkpoint of the first.
  expect((await finetune(...run.map((word) => (word === "12" ? "4" : word)), "--out", "parts", "--answers", "0", "--checkpoint-blocks")).status).toBe(0);
  expect((await gpt("train", "--from", "base", "--data", "text.txt", "--steps", "1", "--out", "other")).status).toBe(0);
  for (const [change, message] of [
    ["--lr 0.5", "learningRate was 0.02 and is 0.5. Restore these, or allow changes (--allow-changes)"],
    ["--rank 8", "--rank was 4 and is 8, but the run's weights are there already; leave it out to resume, or begin another run"],
    ["--method full", '--method was "lora" and is "full"'],
    ["--dora", "--dora was not given and is true"],
    // The weights that the adapter is beside.
    ["--model other", "otherWeights was "],
    ["--dtype int8", "otherWeights was "],
  ]) {
    const refused = await gpt("finetune", "--out", "parts", "--resume", ...change.split(" "));
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(message)]);
  }
  expect((await gpt("finetune", "--out", "parts", "--resume", "--rank", "4")).status).toBe(0);
  // Options that were allowed to change are the run's from then on.
  for (const more of [["--steps", "6", "--allow-changes"], []]) expect((await gpt("finetune", "--out", "parts", "--resume", ...more)).status).toBe(0);
  const beside = await gpt("finetune", "--model", "chat", "--task", "lm", "--data", "text.txt", "--out", "refused");
  expect([beside.status, beside.stderr]).toEqual([1, expect.stringContaining("chat is an adapter beside a model; make one model of both before: gpt convert --model chat --to hf --out DIR")]);

  // A line is a message; what was said before is not part of the chat any more.
  const input = "cat dog\n/reset\nowl\n/exit\n";
  const talk = await gptProcess(["chat", "--model", "chat", "--max-tokens", "3", "--temperature", "0", "--json"], { input });
  expect(talk.status, talk.stderr).toBe(0);
  const [first, second] = records(talk);
  expect([first.role, (second.promptTokens as number) < (first.promptTokens as number)]).toEqual(["assistant", true]);

  const [measured] = records(await gpt("eval", "--model", "chat", "--task", "chat", "--data", "chats.jsonl", "--answers", "2", "--json"));
  expect(measured).toMatchObject({ tokens: expect.any(Number) as number, exactMatch: expect.any(Number) as number });
  expect(measured.loss).toBeLessThan(losses[0]);

  const written = await gpt("generate", "--model", "chat", "--prompt", "user\ncat", "--max-tokens", "4", "--temperature", "0", "--json");
  const converted = await gpt("convert", "--model", "chat", "--to", "hf", "--out", "merged");
  expect(converted.status, converted.stderr).toBe(0);
  const same = await gpt("generate", "--model", "merged", "--prompt", "user\ncat", "--max-tokens", "4", "--temperature", "0", "--json");
  expect(records(same)[0].tokens).toEqual(records(written)[0].tokens);
});

test.each(["full", "lora"])("labels, %s: the folder is a classifier's, with its labels", async (method) => {
  const run = await finetune("--task", "classify", "--data", "labels.csv", "--columns", "text=sentence,label=kind", "--steps", "10", "--lr", "0.01",
    "--method", method, "--out", `labels-${method}`);
  expect(run.status, run.stderr).toBe(0);
  expect(records(run).at(-1)).toMatchObject({ done: true, accuracy: expect.any(Number) as number, f1: expect.any(Number) as number });
  expect(records(run).find((event) => "sample" in event)!.sample).toEqual({
    text: expect.stringMatching(/^The \w+ and the \w+ sat\.$/) as string, label: expect.stringMatching(/^(beast|bird)$/) as string,
    predicted: expect.stringMatching(/^(beast|bird)$/) as string, probability: expect.any(Number) as number,
  });
  expect(run.stderr).toMatch(/accuracy \d+\.\d%, F1 \d+\.\d%\n {2}The .* sat\. → (beast|bird) \d+\.\d%/);
  const config = JSON.parse(await readFile(at(`labels-${method}`, "config.json"), "utf8")) as object;
  expect(config).toMatchObject({ architectures: ["GPT2ForSequenceClassification"], id2label: { 0: "beast", 1: "bird" } });
  expect(await readFile(at(`labels-${method}`, "README.md"), "utf8")).toMatch(
    /pipeline_tag: text-classification[^]*It was made from `base` by `gpt finetune --task classify` on `labels\.csv`: 10 steps of 8 examples; on validation data: loss \d[\d.]*, accuracy/,
  );
  const measured = await gpt("eval", "--model", `labels-${method}`, "--task", "classify", "--data", "labels.csv", "--columns", "text=sentence,label=kind", "--json");
  expect(measured.status, measured.stderr).toBe(0);
  expect(records(measured)).toMatchObject([{ texts: 36, labels: ["beast", "bird"], confusion: [expect.any(Array), expect.any(Array)] }]);
  const generated = await gpt("generate", "--model", `labels-${method}`, "--prompt", "The");
  expect([generated.status, generated.stderr]).toEqual([2, expect.stringContaining("the model gives classes, and writes nothing")]);
});

test("prompts and completions, and documents, with all weights or the last blocks'", async () => {
  const completion = await finetune("--task", "completion", "--data", "pairs.jsonl", "--method", "last", "--last-blocks", "1", "--steps", "3", "--answers", "2", "--out", "pairs");
  expect(completion.status, completion.stderr).toBe(0);
  expect(completion.stderr).toMatch(/2 answers: exact match \d/);
  const documents = await finetune("--task", "lm", "--data", "text.txt", "--pack", "--steps", "3", "--validation-share", "0", "--out", "lm");
  expect(documents.status, documents.stderr).toBe(0);
  expect(records(documents).at(-1)).toMatchObject({ done: true, valLoss: null });
  await writeFile(at("plain.jsonl"), jsonLines(words.map((word) => ({ prompt: `The ${word} `, completion: "sat." }))));
  const sizes = ["--dim", "32", "--context", "32"];
  expect((await gpt("train", "--data", "text.txt", "--preset", "moe-nano", ...sizes, "--steps", "1", "--batch", "2", "--out", "experts")).status).toBe(0);
  const endless = await gpt("finetune", "--model", "experts", "--task", "completion", "--data", "plain.jsonl", "--steps", "1", "--answers", "1", "--out", "mixture");
  expect(endless.status, endless.stderr).toBe(0);
  expect(endless.stderr).toContain("has no token that ends a text");
});

test("files of token ids, of a pattern or a folder, are trained on by both commands, and learnt as a document", async () => {
  await mkdir(at("ids"));
  for (const [name, first] of [["1.bin", 0], ["2.bin", 100]] as const) {
    await writeFile(at("ids", name), new Uint8Array(Uint16Array.from({ length: 300 }, (_, i) => first + (i % 9)).buffer));
  }
  const trained = await gpt("train", "--data", "ids/*.bin", "--vocab-size", "300", "--layers", "1", "--heads", "1", "--dim", "8", "--context", "16", "--steps", "2", "--out", "from-ids");
  expect(trained.status, trained.stderr).toBe(0);
  expect(trained.stderr).toContain("540 training tokens");
  const tuned = await finetune("--task", "lm", "--data", "ids/1.bin", "ids/2.bin", "--steps", "2", "--out", "tuned-ids");
  expect(tuned.status, tuned.stderr).toBe(0);
  expect(tuned.stderr).toContain("540 tokens to train on, 60 to validate on");
  expect(records(tuned).at(-1)).toMatchObject({ done: true, valLoss: expect.any(Number) as number });
  const mixed = await finetune("--task", "lm", "--data", "ids/1.bin", "text.txt", "--out", "mixed-ids");
  expect([mixed.status, mixed.stderr]).toEqual([2, expect.stringContaining("give files of token ids (.bin), or text files, not both")]);
});

test("the program of docs/tuning.md tunes a model, and answers", async () => {
  const folder = at("program");
  await cp(at("base"), join(folder, "base"), { recursive: true });
  await cp(at("chat", "chat_template.jinja"), join(folder, "base", "chat_template.jinja"));
  await cp(at("chats.jsonl"), join(folder, "chats.jsonl"));
  const app = join(import.meta.dirname, "../..");
  const [program] = await examplesIn(join(app, "../../docs/tuning.md"));
  const lines = (await runExample(program, app, folder)).split("\n");
  expect(lines[0]).toMatch(/^step 10 of 14: loss \d\.\d{3}$/);
  expect(lines[2].length).toBeGreaterThan(0);
  expect(await readdir(join(folder, "tuned"))).toEqual(["adapter_config.json", "adapter_model.safetensors"]);
});

test("multiple choice: a head that scores, trained by an adapter, is measured as it was; a language model by likelihood", async () => {
  await writeFile(at("choices.jsonl"), jsonLines(Array.from({ length: 36 }, (_, i) => {
    const [right, wrong] = [words[i % 6], words[(i + 1 + (i % 5)) % 6]];
    return { context: `The ${right}`, choices: i % 2 ? [right, wrong] : [wrong, right], answer: i % 3 ? right : i % 2 ? 0 : 1 };
  })));
  const tuned = await finetune("--task", "choice", "--data", "choices.jsonl", "--validation", "choices.jsonl", "--method", "lora", "--steps", "8", "--lr", "0.02", "--out", "choices");
  expect(tuned.status, tuned.stderr).toBe(0);
  const { accuracy, valLoss } = records(tuned).at(-1)!;
  const measured = await gpt("eval", "--model", "choices", "--task", "choice", "--data", "choices.jsonl", "--json");
  expect(measured.status, measured.stderr).toBe(0);
  expect(records(measured)[0]).toEqual({ accuracy, loss: expect.closeTo(valLoss as number, 4) as number, questions: 36 });
  const untuned = await gpt("eval", "--model", "base", "--task", "choice", "--data", "choices.jsonl", "--json");
  expect(records(untuned)[0]).toEqual({ acc: expect.any(Number) as number, accNorm: expect.any(Number) as number, accBytes: expect.any(Number) as number, questions: 36 });
});

test("preferences: with adapters and with all weights, the model that was is the reference, in a resumed run too", async () => {
  await writeFile(at("preferences.jsonl"), jsonLines(Array.from({ length: 36 }, (_, i) => ({ prompt: `${words[Math.floor(i / 6)]} ${words[i % 6]}:`, chosen: ` ${words[i % 6]}`, rejected: ` ${words[(i + 1) % 6]} sat` }))));
  for (const method of ["lora", "full"]) {
    const run = ["--task", "preference", "--data", "preferences.jsonl", "--method", method, "--batch", "4", "--lr", "0.01", "--log-every", "1", "--checkpoint-every", "2", "--schedule", "constant"];
    const whole = await finetune(...run, "--steps", "4", "--out", `preferences-${method}`);
    expect(whole.status, whole.stderr).toBe(0);
    const events = records(whole);
    expect(events.find((event) => "lr" in event)!.loss).toBeCloseTo(Math.LN2, 4);
    expect(events.at(-1)).toMatchObject({ done: true, rewardAccuracy: 1, rewardMargin: expect.any(Number) as number });
    // Another number of steps is another run, but the data are the same, their reference included.
    const resumed = await gpt("finetune", "--out", `preferences-${method}`, "--resume", "--steps", "5", "--json");
    expect([resumed.status, resumed.stderr]).toEqual([1, expect.stringContaining("steps was 4 and is 5")]);
    expect(resumed.stderr).not.toContain("data was");
  }
});

describe("is refused, with where and what to do", () => {
  test.each([
    ["--task classify --data labels.csv", 1, 'labels.csv:2: label must be there; the record has "sentence", "kind". --columns label=COLUMN says what it is called'],
    ["--task completion --data pairs.jsonl --context 2", 1, "pairs.jsonl:1: has "],
    ["--task chat --data pairs.jsonl", 1, 'pairs.jsonl:1: messages must be there; the record has "prompt", "completion"'],
    ["--task lm --data absent.jsonl", 1, "absent.jsonl"],
    ["--task choice --data pairs.jsonl", 1, "pairs.jsonl:1: choices must be there; the record has "],
    ["--task preference --data pairs.jsonl", 1, 'pairs.jsonl:1: chosen must be there; the record has "prompt", "completion"'],
    ["--task chat --data chats.jsonl --template absent.jinja", 1, "there is no file absent.jinja; check the path of --template"],
    ["--task chat --data chats.jsonl --template base", 1, "base"],
    ["--data pairs.jsonl", 2, "say also: --task NAME"],
    ["--task lm --data text.txt --columns text", 2, '--columns: "text" is not NAME=COLUMN'],
    ["--task classify --data labels.csv --columns text=sentence,label=kind --method lora --dtype int8", 2, "--task classify merges its adapter at the end, into weights in f32, and the model's are in int8: give --dtype f32"],
  ])("%s", async (args, status, message) => {
    const result = await finetune(...args.split(" "), "--out", "refused");
    expect([result.status, result.stderr]).toEqual([status, expect.stringContaining(message)]);
  });
});
