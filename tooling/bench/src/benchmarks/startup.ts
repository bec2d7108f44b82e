import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { preset } from "@gpt/gpt";
import type { GPTConfig } from "@gpt/gpt";
import { alternate } from "../harness/alternate.ts";
import type { Turn } from "../harness/alternate.ts";
import type { Section } from "../harness/report.ts";
import { compared, formatSample, milliseconds } from "../harness/rows.ts";
import type { Row } from "../harness/rows.ts";
import { Contender } from "../harness/contender.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { corpus } from "../models/corpus.ts";
import { writeGguf } from "../models/gguf.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

const command = join(import.meta.dirname, "../../../../apps/cli/dist/main.js");
const models = { "GPT-2 124M": preset("gpt2"), "nano, 7M": preset("nano") };
const prompt = [1, 2, 3];

/** From the start of a process to what its user waits for. */
export async function startup({ rounds, progress }: BenchmarkOptions): Promise<Section> {
  if (!existsSync(command)) throw new Error("the command is not built: run `npm run bench`, or `npm run build` before");
  return withTemporaryFolder(async (folder) => {
    progress("startup: write models");
    for (const [name, config] of Object.entries(models)) await writeModel(folder, name, config);
    const gguf = join(folder, "model.gguf");
    await writeGguf(gguf, models["GPT-2 124M"], "F32");
    const text = join(folder, "text.txt");
    writeFileSync(text, [...corpus({ bytes: 2e5, words: 20_000 })].join(""));

    progress("startup");
    const notes: string[] = [];
    const turns = new Map<string, Turn>();
    for (const name of Object.keys(models)) turns.set(name, () => timeToFirstOutput(generation(join(folder, name))));
    let runs = 0;
    turns.set("first step", () => timeToFirstOutput(training(text, join(folder, `run-${runs++}`)), '"step":'));
    turns.set("Node alone", () => timeToFirstOutput(["-e", "console.log()"]));
    try {
      const { version } = await firstTokenOfLlama(gguf);
      notes.push(`node-llama-cpp: ${version}`);
      turns.set("node-llama-cpp", async () => [(await firstTokenOfLlama(gguf)).time]);
    } catch (error) {
      notes.push(`node-llama-cpp is missing: ${(error as Error).message}`);
    }
    const times = await alternate(turns, rounds);

    const told: Record<string, string> = {
      ...Object.fromEntries(Object.keys(models).map((name) => [name, `${name}: gpt generate, to its first token`])),
      "first step": "nano: gpt train, to the line of its first step",
      "Node alone": "node -e 'console.log()'",
    };
    const rows = Object.entries(told).flatMap(([name, work]): Row[] => {
      const sample = times.get(name);
      return sample ? [{ work, ours: formatSample(sample, milliseconds) }] : [];
    });
    const [ours, theirs] = [times.get("GPT-2 124M"), times.get("node-llama-cpp")];
    if (ours && theirs) {
      const work = told["GPT-2 124M"];
      rows[0] = compared({ work, unit: milliseconds, ours, against: "node-llama-cpp, F32", theirs });
    }
    return { title: "Startup", rows, notes };
  });
}

async function writeModel(folder: string, name: string, config: GPTConfig): Promise<void> {
  mkdirSync(join(folder, name));
  const contender = await Contender.start({ name: "ours", file: "save-model.ts" });
  try {
    await contender.ask({ config, folder: join(folder, name) });
  } finally {
    await contender.close();
  }
}

function generation(folder: string): string[] {
  return [
    command,
    "generate",
    "--model",
    folder,
    "--prompt-ids",
    prompt.join(),
    "--max-tokens",
    "1",
    "--temperature",
    "0",
  ];
}

function training(data: string, out: string): string[] {
  const files = ["--data", data, "--out", out, "--tokenizer", "char"];
  return [command, "train", ...files, "--steps", "1", "--log-every", "1", "--json"];
}

/** Starts Node and waits until it has printed something, or a certain text. */
async function timeToFirstOutput(args: readonly string[], wanted = ""): Promise<number[]> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [output, complaint, time] = ["", "", NaN];
  child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
    if (Number.isNaN(time) && output.includes(wanted)) time = performance.now() - start;
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  if (status !== 0 || Number.isNaN(time)) throw new Error(`${args.join(" ")} failed: ${complaint.trim()}`);
  return [time];
}

async function firstTokenOfLlama(model: string): Promise<{ time: number; version: string }> {
  const start = performance.now();
  const contender = await Contender.start({ name: "node-llama-cpp", file: "decode-llama.ts", setup: { model, threads: 2 } });
  try {
    await contender.ask({ prompt, tokens: 1 });
    return { time: performance.now() - start, version: contender.version };
  } finally {
    await contender.close();
  }
}
