import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mutations } from "@gpt/testing/mutate";
import { isGptError } from "@gpt/tensor";
import { describe, expect, test } from "vitest";
import { folderWithText, small } from "../../test/data.ts";
import { startSession, temporaryFolder } from "../../test/gpt.ts";
import { finetuneCommand } from "../commands/finetune.ts";
import { trainCommand } from "../commands/train.ts";
import { readConfig } from "./config-file.ts";

async function read(content: string | Uint8Array, command = trainCommand()): Promise<Record<string, unknown>> {
  const file = join(await temporaryFolder(), "run.yaml");
  await writeFile(file, content);
  return readConfig(file, command).catch((error: unknown) => {
    if (!isGptError(error)) throw error;
    expect(error.code).toBe("failed");
    throw new Error(error.message.replaceAll(file, "run.yaml"));
  });
}

const yaml = `# A run.
command: train
data: [a.txt, "b: c.txt"]
lr: 3e-4
windows: [dense, 256]
untied-head: true
tokenizer: gpt2 # known
`;
const values = { data: ["a.txt", "b: c.txt"], lr: 3e-4, windows: [null, 256], untiedHead: true, tokenizer: "gpt2" };

describe("a configuration", () => {
  test("is YAML or JSON, by the names of the options", async () => {
    expect(await read(yaml)).toEqual(values);
    const json = { command: "train", data: ["a.txt", "b: c.txt"], lr: 3e-4, windows: ["dense", 256], "untied-head": true, tokenizer: "gpt2" };
    expect(await read(`\u{feff}${JSON.stringify(json, null, "\t")}`)).toEqual(values);
    expect(await read("data: a.txt")).toEqual({ data: ["a.txt"] });
    expect(await read("# nothing yet\n")).toEqual({});
    expect(await read("dtype: q8_0\nmethod: lora\n", finetuneCommand())).toEqual({ dtype: "int8", method: "lora" });
  });

  test.each<[string, string]>([
    ["steps: 10\nlr: fast", 'run.yaml:2: lr cannot be "fast": expected a number from 0'],
    ['lr: "0.1"', 'run.yaml:1: lr cannot be "0.1": expected a number, without quotes'],
    ["steps: 1.5", "run.yaml:1: steps cannot be 1.5: expected a whole number from 1"],
    ["seed: 12345678901234567890", "run.yaml:1: seed cannot be 12345678901234567000: expected a whole number from 0, at most 9007199254740991"],
    ["lr: .inf", "run.yaml:1: lr cannot be Infinity: expected a text, a finite number, or a list"],
    ["lr:", "run.yaml:1: lr has no value: give it one, or leave it out"],
    ["best: 1", "run.yaml:1: best cannot be 1: expected true or false"],
    ["tokenizer: {a: b}", "run.yaml:1: tokenizer cannot be an object: expected a text, a finite number, or a list"],
    ["from: 2024", "run.yaml:1: from cannot be 2024: expected a text, in quotes"],
    ["data: []", "run.yaml:1: data cannot be a list: expected a list that is not empty"],
    ["data: [a, [b]]", "run.yaml:1: data cannot be a list: expected texts or numbers alone"],
    ["data: [a, 3]", "run.yaml:1: data cannot be a list: expected texts, and 3 without quotes is none"],
    ["windows: dense,4", 'run.yaml:1: windows cannot be "dense,4": expected a list'],
    ["schedule: falling", 'run.yaml:1: schedule cannot be "falling": allowed choices are cosine, linear, warmup-stable-decay, constant'],
    ["bacth: 3", 'run.yaml:1: there is no option "bacth"; did you mean batch?'],
    ["weightDecay: 3", 'run.yaml:1: there is no option "weightDecay": here it is weight-decay'],
    ["max_iters: 3", 'run.yaml:1: there is no option "max_iters": here it is steps'],
    ["topology: 3", 'run.yaml:1: there is no option "topology"; gpt train --help has all'],
    ["__proto__: 3", 'run.yaml:1: there is no option "__proto__"; gpt train --help has all'],
    ["json: true", "run.yaml:1: json is given on the command line alone"],
    ["command: finetune", 'run.yaml:1: it is a configuration of gpt "finetune", not of gpt train'],
    ["steps: 3\nlr: 1\nsteps: 4", 'run.yaml:3: "steps" is given in line 1 already; leave one of them out'],
    ["steps: &n 3\nbatch: *n", "run.yaml:2: aliases (*) are not taken: write the value itself"],
    ["data: !!js/function x", "run.yaml:1: this is no YAML as it is taken here: Unresolved tag"],
    ["? [a]\n: 3", "run.yaml:1: an option must be a name"],
    ["- steps", "run.yaml:1: this must be options and their values, as in `steps: 100`"],
    ["steps: 1\n---\nsteps: 2", "run.yaml:2: this is no YAML as it is taken here: Source contains multiple documents"],
    ["steps: [1", "this is no YAML as it is taken here: Flow sequence"],
    ["e: 1\nlr: x\nbatch: 2\nsteps: 0\nseed: x", 'run.yaml:4: steps cannot be 0: expected a whole number from 1; and 1 more'],
  ])("%j is refused by line", async (content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });

  test("that holds an alias bomb, deep nesting, no text, or no end is refused soon", async () => {
    const bomb = Array.from({ length: 20 }, (_, i) => `k${i}: &k${i} [${Array(9).fill(i === 0 ? "x" : `*k${i - 1}`).join(", ")}]`).join("\n");
    await expect(read(bomb)).rejects.toThrow("run.yaml:2: aliases (*) are not taken");
    await expect(read(`data: ${"[".repeat(2 ** 15)}`)).rejects.toThrow("run.yaml:1: this is no YAML as it is taken here: ");
    await expect(read(Uint8Array.of(0xff, 0xfe))).rejects.toThrow("run.yaml is not valid UTF-8; convert it");
    const huge = join(await temporaryFolder(), "run.yaml");
    await writeFile(huge, "");
    await truncate(huge, 2 ** 32);
    await expect(readConfig(huge, trainCommand())).rejects.toThrow("4294967296 bytes, more than the limit");
    await expect(readConfig(join(huge, "x"), trainCommand())).rejects.toThrow("check the path of --config");
    if (process.platform !== "win32") await expect(readConfig("/dev/zero", trainCommand())).rejects.toThrow("not a file but a device");
  });

  test("that was mutated is taken or refused in a short line", async () => {
    const outcomes = { taken: 0, refused: 0 };
    for (const mutated of mutations([new TextEncoder().encode(yaml)], process.env.GPT_VERIFY ? 5000 : 300, 1)) {
      try {
        await read(mutated);
        outcomes.taken++;
      } catch (error) {
        expect((error as Error).message).toMatch(/^[^\p{Cc}]{1,2000}$/u);
        outcomes.refused++;
      }
    }
    expect(Math.min(outcomes.taken, outcomes.refused)).toBeGreaterThan(10);
  });
});

test("the command line overrides a configuration, and the run's own file repeats it", async () => {
  const directory = await folderWithText();
  const gpt = startSession(directory);
  await writeFile(join(directory, "run.yaml"), "data: text.txt\nlayers: 1\nheads: 2\ndim: 16\ncontext: 16\nbatch: 2\nsteps: 9\nlr: 0.01\nout: a\n");
  const first = await gpt("train", "--config", "run.yaml", "--steps", "3");
  expect([first.status, first.stderr]).toEqual([0, expect.stringContaining("step 3 of 3")]);
  expect((await gpt("train", "--config", "a/run.json", "--out", "b")).status).toBe(0);
  expect((await gpt("train", "--data", "text.txt", ...small, "--steps", "3", "--lr", "0.01", "--out", "c")).status).toBe(0);
  const [a, b, c] = await Promise.all(["a", "b", "c"].map((run) => readFile(join(directory, run, "model.safetensors"))));
  expect([b.equals(a), c.equals(a)]).toEqual([true, true]);
  // What is given when a run is resumed counts, in a file too.
  await writeFile(join(directory, "more.yaml"), "steps: 5\n");
  const more = await gpt("train", "--resume", "--out", "c", "--config", "more.yaml");
  expect([more.status, more.stderr]).toEqual([1, expect.stringContaining("steps was 3 and is 5")]);
  const refused = await gpt("train", "--config", "absent.yaml");
  expect([refused.status, refused.stderr]).toEqual([1, "error: there is no file absent.yaml; check the path of --config\n"]);
});
