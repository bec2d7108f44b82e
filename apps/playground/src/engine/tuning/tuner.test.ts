import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { classify } from "@gpt/generate";
import { GPT } from "@gpt/gpt";
import { loadModel } from "@gpt/gpt/node";
import { noGrad, PackedWeight, scope, tensor, useBackend } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { entriesOf } from "@gpt/testing/zip";
import { trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import type { TuningEvent, TuningSettings } from "../api/tuning.ts";
import { Session } from "../session.ts";
import { Tuner } from "./tuner.ts";

let tokenizer: Tokenizer;
let session: Session;
let tuner: Tuner;
let base: GPT;

beforeAll(async () => {
  tokenizer = await trainBPE(["user assistant good day bad rain red blue"], { vocabSize: 300, specialTokens: ["<|endoftext|>"] });
});

/** Opens a model, in few bits where it is told. */
async function open(dtype: "f32" | "int8"): Promise<void> {
  useBackend(await wasm({ threads: 1 }));
  base = new GPT({ vocabSize: tokenizer.vocabSize, contextLength: 32, layers: 2, heads: 2, dim: 32 }, { seed: 3, dtype });
  session = new Session();
  await session.replaceModel(base, tokenizer, base.backend.memory.liveBytes);
  tuner = new Tuner(session);
}

const settings: TuningSettings = { method: "lora", rank: 4, targets: "all", epochs: 3, rate: 1, heldOut: 0.3, seed: 1, balanced: false };
const logits = (model: GPT): Float32Array =>
  scope(() => noGrad(() => model.evaluating(() => model.forward(tensor([[1, 2, 3]], { dtype: "i32" }))).dataSync()));

async function run(changes: Partial<TuningSettings>, signal = new AbortController().signal): Promise<TuningEvent[]> {
  const events: TuningEvent[] = [];
  await tuner.begin({ ...settings, ...changes });
  await tuner.follow(signal, (some) => void events.push(...some));
  return events;
}

/** The folder of what is taken away. */
async function unpacked(kind: "folder" | "peft"): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "gpt-tuner-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { name, blob } = await tuner.pack(kind);
  for (const [file, content] of entriesOf(Buffer.from(await blob.arrayBuffer()))) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  return join(folder, name.replace(/\.zip$/, ""));
}

const lines = Array.from({ length: 40 }, (_, i) => `${i % 3 === 0 ? "bad\train" : "good\tday"} ${i % 7} ${i % 4 === 0 ? "red" : "blue"}`).join("\n");

test.each(["head", "lora", "full"] as const)("labels by %s, of a model in int8: it stays as it is, and the folder's probabilities are those that are shown, calibrated", async (method) => {
  await open("int8");
  const before = logits(base);
  expect(await tuner.readData("labels", lines)).toMatchObject({ examples: 40, cut: 0, labels: [{ label: "good", count: 26 }, { label: "bad", count: 14 }] });
  const plan = await tuner.plan({ ...settings, method });
  expect(plan).toMatchObject({ training: 28, validation: 12, steps: 11 });
  const { liveBytes } = base.backend.memory;
  const events = await run({ method });
  expect(events.filter(({ type }) => type === "step")).toHaveLength(11);
  const last = events.findLast((event) => event.type === "evaluation")!;
  expect(last.confusion!.flat().reduce((sum, count) => sum + count, 0)).toBe(12);
  expect(logits(base)).toEqual(before);

  const folder = await unpacked("folder");
  const loaded = await loadModel(folder);
  const found = await classify(loaded, await loadTokenizer(folder), "rain 3 red");
  loaded.dispose();
  const shown = (await tuner.classify("rain 3 red")).labels;
  for (const [i, { label, probability }] of found.entries()) {
    expect(shown[i].label).toBe(label);
    expect(shown[i].probability).toBeCloseTo(probability, 4);
  }
  await tuner.discard();
  expect(base.backend.memory.liveBytes).toBe(liveBytes);
});

test("dialogues by QLoRA: answers alone are learnt, stopped and gone on with; what the model said before is asked without the adapter, which stays", async () => {
  await open("int8");
  const report = await tuner.readData("messages", "user: red\nassistant: good day\n\nuser: blue\nassistant: bad rain\n\nuser: day\nassistant: red");
  expect(report).toMatchObject({ examples: 3, plainTemplate: true });
  expect(report.samples[0].parts.filter(({ learnt }) => learnt).map(({ text }) => text)).toEqual(["good day<|endoftext|>\n"]);
  const controller = new AbortController();
  await tuner.begin({ ...settings, epochs: 20 });
  const losses: number[] = [];
  const note = (events: readonly TuningEvent[]): void => {
    losses.push(...events.flatMap((event) => (event.type === "step" ? [event.loss] : [])));
    controller.abort();
  };
  expect(await tuner.follow(controller.signal, note)).toBe(false);
  expect(await tuner.follow(new AbortController().signal, note)).toBe(true);
  expect(losses.at(-1)).toBeLessThan(losses[0]);
  const answers = async (tuned: boolean): Promise<string> => {
    let text = "";
    await tuner.chat([{ role: "user", content: "red" }], tuned, new AbortController().signal, (more) => void (text += more));
    return text;
  };
  await answers(false);
  await answers(true);
  const merged = await loadModel(await unpacked("folder"));
  expect([...merged.namedWeights()].some(([, weight]) => weight instanceof PackedWeight)).toBe(false);
  expect(Math.max(...logits(merged).map((value, i) => Math.abs(value - logits(base)[i])))).toBeGreaterThan(0.01);
  expect((await loadTokenizer(await unpacked("peft"))).chatTemplates?.size).toBe(1);
});

test.each(["lora", "full"] as const)("a model tuned by %s is opened in the place of the one before, and stays to be tuned on; data are read anew for it", async (method) => {
  await open("int8");
  await tuner.readData("messages", "user: red\nassistant: good day");
  await run({ method, heldOut: 0, epochs: 20 });
  const folder = await unpacked("folder");
  expect(await tuner.open()).toMatchObject({ layers: 2, dtype: "f32", chats: true });
  const [opened, vocabulary] = await session.withModel(({ model, tokenizer }) => [model, tokenizer] as const);
  expect(vocabulary.chatTemplates?.size).toBe(1);
  expect(logits(opened)).toEqual(logits(await loadModel(folder)));
  await expect(tuner.plan(settings)).rejects.toMatchObject({ code: "no-examples" });
  await tuner.readData("messages", "user: red\nassistant: good day");
  expect(await tuner.plan({ ...settings, heldOut: 0 })).toMatchObject({ training: 1 });
  await tuner.open();
  await tuner.discard();
  expect(logits(await session.withModel(({ model }) => model))).toEqual(logits(await loadModel(folder)));
});

test("steps, answers, packages and a new start do not meet: each is refused while another is at work, which goes on; what is freed waits for it", async () => {
  await open("f32");
  await tuner.readData("messages", "user: red\nassistant: good day");
  const { signal } = new AbortController();
  const changes = { ...settings, heldOut: 0, epochs: 4 };
  const starting = tuner.begin(changes);
  await expect(tuner.begin(changes)).rejects.toMatchObject({ code: "tuned-begins" });
  await starting;
  const work = {
    begin: () => tuner.begin(changes), follow: () => tuner.follow(signal, () => {}), pack: () => tuner.pack("peft"), open: () => tuner.open(),
    chat: () => tuner.chat([{ role: "user", content: "red" }], false, signal, () => {}),
  };
  for (const [name, code] of [["chat", "tuned-answers"], ["pack", "tuned-packs"], ["follow", "tuned-learns"], ["open", "tuned-opens"]] as const) {
    const working = work[name]();
    for (const other of Object.values(work)) await expect(other()).rejects.toMatchObject({ code });
    await working;
  }
  await tuner.readData("messages", "user: red\nassistant: good day"); // Another model is open.
  const packing = work.pack();
  await Promise.all([tuner.discard(), packing]);
  await Promise.all([tuner.begin(changes), tuner.discard()]);
  await expect(tuner.classify("x")).rejects.toMatchObject({ code: "not-tuned" });
});

test("the room for a run has that of the one before, which is freed for it, also where another model was opened since", async () => {
  await open("f32");
  await tuner.readData("messages", "user: red\nassistant: good day");
  const { room } = await tuner.plan({ ...settings, heldOut: 0 });
  await run({ method: "full", heldOut: 0 });
  expect((await tuner.plan({ ...settings, heldOut: 0 })).room).toBe(room);
  await tuner.open();
  await tuner.readData("messages", "user: red\nassistant: good day");
  expect((await tuner.plan({ ...settings, heldOut: 0 })).room).toBe(room);
});

test("says what cannot be learnt, and changes nothing then", async () => {
  await open("f32");
  await expect(tuner.begin(settings)).rejects.toMatchObject({ code: "no-examples" });
  await expect(tuner.classify("x")).rejects.toMatchObject({ code: "not-tuned" });
  await tuner.readData("labels", "a\tone\na\ttwo");
  await expect(tuner.begin(settings)).rejects.toMatchObject({ code: "one-label" });
  await tuner.readData("labels", "a\tsame\nb\tsame");
  await expect(tuner.plan(settings)).rejects.toMatchObject({ code: "too-few-examples" });
  const { problem, examples, cut } = await tuner.readData("labels", `a\t${"day ".repeat(60)}\nb\train\nc\n`);
  expect([problem?.code, problem?.line, examples, cut]).toEqual(["no-tab", 3, 2, 1]);
  expect((await tuner.readData("messages", "user: hi")).problem).toMatchObject({ code: "nothing-learnt", line: 1 });
  expect((await tuner.readData("messages", '{"text": "a"}')).problem).toMatchObject({ code: "no-messages", line: 1 });
});
