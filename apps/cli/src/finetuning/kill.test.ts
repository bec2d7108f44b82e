import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { folderContents } from "@gpt/testing/folder-contents";
import { RandomNumbers } from "@gpt/testing/mutate";
import { expect, test } from "vitest";
import { timeless } from "../../test/metrics.ts";
import { tuningFolder } from "../../test/tuning.ts";

/** Kills of each task: 102 together. */
const kills = process.env.GPT_VERIFY ? 34 : 1;
/** Only a hang takes as long. */
const hour = 3_600_000;
const random = new RandomNumbers(20_261_130);

const { at, gptProcess } = tuningFolder();

/** Steps that are logged and saved one by one, and validated now and then. */
const steps = ["--steps", "6", "--batch", "4", "--log-every", "1", "--checkpoint-every", "1", "--eval-every", "2", "--lr", "0.01"];
const tasks = {
  chat: ["--data", "chats.jsonl", "--method", "lora", "--rank", "4", "--lora-dropout", "0.2", "--pack", "--answers", "2"],
  classify: ["--data", "labels.csv", "--columns", "text=sentence,label=kind", "--method", "full", "--class-weights", "balanced"],
  completion: ["--data", "pairs.jsonl", "--method", "last", "--last-blocks", "1", "--accumulate", "2", "--best", "--patience", "2", "--answers", "2"],
};

/** When to kill: so long after a line of standard error, 0 for the start. */
interface Moment {
  readonly line: number;
  readonly milliseconds: number;
}

interface Outcome {
  readonly lines: readonly string[];
  /** When each of them came, behind the start. */
  readonly times: readonly number[];
  readonly killed: boolean;
}

/** Runs the command to its end, or until it is killed. */
async function finetune(args: readonly string[], moment?: Moment): Promise<Outcome> {
  const times: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  const { status, stderr } = await gptProcess(["finetune", ...args], {
    onProgress: (stderr, kill) => {
      while (times.length < stderr.split("\n").length) times.push(performance.now());
      if (moment && times.length > moment.line) timer ??= setTimeout(() => kill("SIGKILL"), moment.milliseconds);
    },
  });
  clearTimeout(timer);
  expect(status === 0 || (moment && status === null), stderr).toBe(true);
  return { lines: stderr.split("\n"), times: times.map((time) => time - times[0]), killed: status === null };
}

/** The newest checkpoint that is published. */
async function newestStep(out: string): Promise<number | undefined> {
  const names = await readdir(at(out, "checkpoints")).catch(() => []);
  const published = names.flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return published.length > 0 ? Math.max(...published) : undefined;
}

/** The files of a run; of its figures what is no time. */
async function filesOf(out: string): Promise<Record<string, unknown>> {
  const files = await folderContents(at(out));
  return { ...files, "metrics.jsonl": timeless(Buffer.from(files["metrics.jsonl"], "base64").toString()) };
}

test.each(Object.entries(tasks))(`%s, killed at random moments (${kills}), from reading to the last file, resumes to the very same files`, async (task, options) => {
  const begin = ["--model", "base", "--task", task, ...options, ...steps];
  // Cards say the name of the folder, which is the same for all.
  const undisturbed = join("whole", task);
  const whole = await finetune([...begin, "--out", undisturbed]);
  const expected = await filesOf(undisturbed);
  expect(Object.keys(expected)).toContain("checkpoints/step-6/optimizer.safetensors");
  const where: string[] = [];
  for (let round = 0; where.length < kills; round++) {
    const out = join(String(round), task);
    // Every run is killed again while it goes on, once or twice.
    const goal = Math.min(kills, where.length + 2 + random.below(2));
    for (let done = false; !done;) {
      const newest = await newestStep(out);
      // Where it has not come to write what it was asked to do, it is asked again.
      const known = existsSync(at(out, "run.json"));
      const line = random.below(whole.times.length - 1 - (newest ?? 0));
      const milliseconds = ((whole.times[line + 1] - whole.times[line]) * random.below(1000)) / 1000;
      const { lines, killed } = await finetune([...(known ? [] : begin), "--out", out, "--resume"], where.length < goal ? { line, milliseconds } : undefined);
      // Nothing that was saved is lost, and all that was shown was saved, but for the step in work.
      if (lines.some((line) => line.endsWith("parameters are trained"))) {
        expect(lines.slice(0, 3)).toContain(newest === undefined ? `${out} has no checkpoint yet: beginning.` : `Resuming ${out} from step ${newest}.`);
      }
      const shown = lines.flatMap((line) => /^step (\d+) of/.exec(line)?.[1] ?? []).map(Number).at(-1) ?? 0;
      expect((await newestStep(out)) ?? 0).toBeGreaterThanOrEqual(Math.max(newest ?? 0, shown - 1));
      if (killed) where.push(lines.at(-2) ?? "the start");
      done = !killed;
    }
    expect(await filesOf(out)).toEqual(expected);
  }
  if (process.env.GPT_VERIFY) console.info(`${task}, killed behind: ${where.sort().join("; ")}`);
}, hour);
