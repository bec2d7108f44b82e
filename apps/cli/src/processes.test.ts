import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { folderWithText, small, text } from "../test/data.ts";
import { gpt, records, shellCommand, startSession, temporaryFolder } from "../test/gpt.ts";
import type { Result } from "../test/gpt.ts";

test("Ctrl-C saves; resuming gives the weights of an uninterrupted run, byte for byte", async () => {
  const directory = await folderWithText();
  const run = ["train", "--data", "text.txt", ...small, "--steps", "200", "--dropout", "0.1", "--backend", "cpu"];
  expect((await startSession(directory)(...run, "--out", "whole")).status).toBe(0);

  let killed = false;
  const interrupted = await gpt(directory, [...run, "--out", "parts"], {
    onProgress: (stderr, kill) => {
      if (!killed && stderr.includes("step 4 of")) killed = kill("SIGINT");
    },
  });
  expect(interrupted.status).toBe(130);
  expect(interrupted.stderr).toContain("Go on with: gpt train --out parts --resume");
  const resumed = await gpt(directory, ["train", "--out", "parts", "--resume"]);
  expect(resumed.stderr).toMatch(/Resuming parts from step \d+/);
  expect(resumed.status).toBe(0);
  const weights = (folder: string): Promise<Buffer> => readFile(join(directory, folder, "model.safetensors"));
  expect((await weights("parts")).equals(await weights("whole"))).toBe(true);
});

test("a reader that goes away and a closed terminal end training as Ctrl-C does", async () => {
  const directory = await folderWithText();
  const run = ["train", "--data", "text.txt", ...small, "--log-every", "1", "--steps", "20000"];
  const read = await gpt(directory, [...run, "--json", "--out", "a"], { readsOnce: true });
  let killed = false;
  const closed = await gpt(directory, [...run, "--out", "b"], {
    onProgress: (stderr, kill) => {
      if (!killed && stderr.includes("step 3 of")) killed = kill("SIGHUP");
    },
  });
  expect([read, closed].map(({ status }) => status)).toEqual([130, 130]);
  expect(read.stderr).toContain("Go on with: gpt train --out a --resume");
  expect(closed.stderr).toContain("Go on with: gpt train --out b --resume");
});

test("an evaluation that is interrupted says no more than that", async () => {
  const directory = await folderWithText();
  await writeFile(join(directory, "long.txt"), text.repeat(200));
  expect((await startSession(directory)("train", "--data", "text.txt", ...small, "--steps", "1", "--out", "m")).status).toBe(0);
  const interrupted = await gpt(directory, ["eval", "--model", "m", "--data", "long.txt"], {
    onProgress: (stderr, kill) => stderr.endsWith("Measuring; Ctrl-C stops.\n") && kill("SIGINT"),
  });
  expect(interrupted).toMatchObject({ status: 130, stdout: "" });
  expect(interrupted.stderr).toMatch(/Ctrl-C stops\.\nStopping\.\n$/);
});

test("gives the same weights on any number of threads, byte for byte", async () => {
  const directory = await folderWithText();
  const size = ["--layers", "1", "--heads", "2", "--dim", "64", "--context", "64", "--batch", "8", "--dropout", "0.1"];
  const run = ["train", "--data", "text.txt", ...size, "--steps", "5"];
  const weights = async (threads: number): Promise<Buffer> => {
    const out = `threads-${threads}`;
    expect((await startSession(directory)(...run, "--threads", `${threads}`, "--out", out)).status).toBe(0);
    return readFile(join(directory, out, "model.safetensors"));
  };
  expect((await weights(3)).equals(await weights(1))).toBe(true);
});

/** Systems without this device cannot fill a disk so easily. */
const full = "/dev/full";

test.runIf(existsSync(full))("standard output that cannot be written: training saves, and every command fails", async () => {
  const directory = await folderWithText();
  const run = ["train", "--data", "text.txt", ...small, "--steps", "20000", "--json", "--out", "run"];
  const trained = await gpt(directory, run, { stdoutPath: full });
  expect(trained.status).toBe(1);
  expect(trained.stderr).toContain("error: standard output cannot be written: ENOSPC: no space left on device");
  expect(trained.stderr).toContain("Go on with: gpt train --out run --resume");
  expect(await readdir(join(directory, "run", "checkpoints"))).not.toEqual(["step-0"]);
  for (const args of [["info", "--preset", "gpt2"], ["--help"]]) {
    const { status, stderr } = await gpt(directory, args, { stdoutPath: full });
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^error: .* ENOSPC.*\n$/) as string });
  }
});

test("text on standard input is read by the rule for files", async () => {
  const directory = await folderWithText();
  const tokenize = (input: string | Uint8Array) => gpt(directory, ["tokenize", "--tokenizer", "gpt2", "--json"], { input });
  const invalid = await tokenize(Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a));
  expect(invalid).toMatchObject({ status: 1, stdout: "" });
  expect(invalid.stderr).toContain("standard input: the byte 0xe9 at offset 3 is not valid UTF-8");
  expect(records(await tokenize("\uFEFFhello"))).toEqual([{ tokens: [31373], count: 1 }]);
});

test("what a tokenizer's save leaves that is killed, the next one removes", async () => {
  const directory = await folderWithText();
  const train = ["tokenizer", "train", "--data", "text.txt", "--vocab-size", "257", "--out", "bpe"];
  // The first file is written, and gets its name at the moment of death.
  const dying = [
    'import files from "node:fs/promises"', 'import { syncBuiltinESMExports } from "node:module"',
    'files.rename = () => process.kill(process.pid, "SIGKILL")', "syncBuiltinESMExports()",
  ].join(";");
  const env = { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(dying)}` };
  const folder = join(directory, "bpe");
  const killed = await gpt(directory, train, { env });
  expect(killed).toMatchObject({ status: null, stdout: "" });
  const left = await readdir(folder);
  expect(left.length).toBeGreaterThan(0);
  for (const name of left) expect(name).toMatch(/^\..*\.partial$/);
  expect((await startSession(directory)(...train)).status).toBe(0);
  expect((await readdir(folder)).sort()).toEqual(["tokenizer.json", "tokenizer_config.json"]);
});

test("demos that begin together have a folder each", async () => {
  const directory = await temporaryFolder();
  const demo = (): Promise<Result> =>
    gpt(directory, ["demo", "--steps", "100000"], {
      onProgress: (stderr, kill) => !stderr.includes("Saving") && stderr.includes("steps in about") && kill("SIGINT"),
    });
  const results = await Promise.all([demo(), demo()]);
  for (const { status, stderr } of results) expect({ status, stderr }).toMatchObject({ status: 130 });
  expect((await readdir(join(directory, "runs"))).sort()).toEqual(["stories", "stories-2"]);
  const resumable = results.map(({ stderr }) => /train --out (\S+) --resume/.exec(stderr)?.[1]);
  expect(resumable.sort()).toEqual(["runs/stories", "runs/stories-2"]);
});

/** Runs a command in a terminal of this size: what a person sees of it, with all that moves the cursor. */
function terminal(directory: string, size: string, command: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const line = `stty ${size}; ${shellCommand} ${command}`;
  const child = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
    cwd: directory,
    env: { ...process.env, TERM: "xterm", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return readAll(child.stdout);
}

const escape = "\u001b";

/** Pictures of the live view, one after another, as they look: without what moves the cursor and colours. */
function framesOf(shown: string): string[] {
  const frames = shown.split(`${escape}[?2026h`).slice(1).map((frame) => frame.split(`${escape}[?2026l`)[0]);
  // eslint-disable-next-line no-control-regex
  return frames.map((frame) => frame.replaceAll("\r", "").replace(/\u001b\[[?\d;]*[A-Za-z]/g, ""));
}

/** `script` gives a command a terminal; elsewhere than on Linux its options differ. */
describe.runIf(process.platform === "linux")("in a terminal", () => {
  const run = `train --data text.txt ${small.join(" ")} --dropout 0.1 --steps 8 --eval-every 4`;

  test("a run is drawn, in colours of the terminal, at any width; it learns the same as elsewhere", async () => {
    const directory = await folderWithText();
    expect((await startSession(directory)(...run.split(" "), "--out", "plain")).status).toBe(0);
    const weights = (out: string): Promise<Buffer> => readFile(join(directory, out, "model.safetensors"));
    for (const columns of [20, 80]) {
      const out = String(columns);
      const shown = await terminal(directory, `cols ${columns} rows 24`, `${run} --out ${out}`);
      const frames = framesOf(shown);
      for (const line of frames.join("").split("\n")) expect(line.length, line).toBeLessThan(columns);
      expect(frames.at(-1)).toContain("step 8 of 8");
      // The chart is drawn where there is room, and below it a sample for each evaluation.
      expect(frames.at(-1)!.includes("│")).toBe(columns === 80);
      if (columns === 80) expect(frames.at(-1)).toMatch(/step 8 of 8 .*● validation.*\n {5}4 {2}T.+\n {5}8 {2}T.+\n$/);
      if (columns === 80) for (const color of [32, 35, 36]) expect(shown).toContain(`${escape}[${color}m`);
      expect((await weights(out)).equals(await weights("plain")), `${columns} columns`).toBe(true);
    }
  });

  test("a run is told in lines where nothing can be drawn, and in one colour where that is wanted", async () => {
    const directory = await folderWithText();
    for (const [size, env] of [["cols 0 rows 0", {}], ["cols 80 rows 24", { TERM: "dumb" }]] as const) {
      const shown = await terminal(directory, size, `${run} --out ${size.length}`, env);
      expect(shown).toContain("step 8 of 8: loss");
      expect(framesOf(shown)).toEqual([]);
    }
    const shown = await terminal(directory, "cols 80 rows 24", `${run} --out plain`, { NO_COLOR: "1" });
    expect(framesOf(shown).at(-1)).toContain("step 8 of 8");
    // eslint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/\u001b\[\d+m/);
  });

  test("a run is drawn for the new size where the terminal is resized", async () => {
    const directory = await folderWithText();
    const resize = "(until [ -d run/checkpoints ]; do sleep 0.05; done; sleep 0.1; stty -F /dev/tty cols 40 rows 16) & true";
    const long = `train --data text.txt ${small.join(" ")} --steps 1500 --eval-every 500 --out run`;
    const frames = framesOf(await terminal(directory, `cols 120 rows 40; ${resize}`, long));
    const lines = frames.at(-1)!.split("\n");
    expect(lines.length).toBeLessThanOrEqual(16);
    expect(Math.max(...lines.map((line) => line.length))).toBe(39);
    expect(lines.filter((line) => line.includes("│"))).toHaveLength(9);
  });
});
