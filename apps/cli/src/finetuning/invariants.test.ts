import { expect, test } from "vitest";
import { records } from "../../test/gpt.ts";
import { jsonLines, tuningFolder, words } from "../../test/tuning.ts";

const numbers = Array.from({ length: 36 }, (_, i) => i);
const { gpt } = tuningFolder({
  "questions.jsonl": jsonLines(numbers.map((i) => {
    const choices = words.slice(i % 4, (i % 4) + 2 + (i % 2));
    return { context: `The ${words[i % 6]} sat${" and sat".repeat(i % 5)} by the`, choices, answer: choices[i % choices.length] };
  })),
  "preferences.jsonl": jsonLines(numbers.map((i) => (
    { prompt: `${words[i % 6]}:`, chosen: ` ${words[i % 5]}`, rejected: ` ${words[(i + 1) % 6]} sat${" and sat".repeat(i % 3)}` }
  ))),
  // Of many lengths.
  "documents.jsonl": jsonLines(numbers.map((i) => ({ text: `The ${words[i % 6]}${` and the ${words[(i * 5) % 6]}`.repeat(i % 4)} sat.` }))),
});

const tasks = {
  chat: ["--data", "chats.jsonl"],
  completion: ["--data", "pairs.jsonl"],
  classify: ["--data", "labels.csv", "--columns", "text=sentence,label=kind", "--class-weights", "balanced", "--lm-weight", "0.5"],
  lm: ["--data", "documents.jsonl"],
  preference: ["--data", "preferences.jsonl"],
  choice: ["--data", "questions.jsonl", "--lm-weight", "0.5"],
} as const;
type Task = keyof typeof tasks;
const tested: readonly Task[] = process.env.GPT_VERIFY ? (Object.keys(tasks) as Task[]) : ["chat", "choice"];
const writing = new Set<Task>(["chat", "completion"]);
const packing = new Set<Task>(["chat", "completion", "lm"]);

let runs = 0;

/** The losses of all steps of a run, on all records. */
async function lossesOf(task: Task, options: string): Promise<number[]> {
  const common = ["--task", task, ...tasks[task], "--validation-share", "0", "--log-every", "1", "--checkpoint-every", "100", ...(writing.has(task) ? ["--answers", "0"] : []), "--json"];
  const result = await gpt("finetune", "--model", "base", ...common, ...options.split(" "), "--out", `run-${runs++}`);
  expect(result.status, result.stderr).toBe(0);
  return records(result).filter((event) => "lr" in event).map(({ loss }) => loss as number);
}

/**
 * Losses of two runs of 50 steps differ by 1e-5 at most, and lean to neither side: the mean of the differences is within three
 * standard errors of 0 (3 s / √n), or within half a unit in the last place of the losses, to which each is rounded.
 */
function expectSame(found: readonly number[], expected: readonly number[]): void {
  const differences = found.map((loss, i) => loss - expected[i]);
  expect([found.length, expected.length]).toEqual([50, 50]);
  expect(Math.max(...differences.map(Math.abs))).toBeLessThanOrEqual(1e-5);
  const mean = differences.reduce((sum, x) => sum + x, 0) / 50;
  const deviation = Math.sqrt(differences.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 49);
  const halfUnit = 2 ** (Math.floor(Math.log2(Math.max(...expected))) - 24);
  expect(Math.abs(mean)).toBeLessThanOrEqual(Math.max((3 * deviation) / Math.sqrt(50), halfUnit));
}

test.each(tested)("%s: a step learns the same, however it is divided and computed", async (task) => {
  const whole = await lossesOf(task, "--steps 50 --lr 0.001 --batch 8");
  expect(whole.at(-1)).toBeLessThan(whole[0] - 0.1);
  for (const how of ["--batch 1 --accumulate 8", "--batch 4 --accumulate 2", "--batch 8 --checkpoint-blocks", "--batch 2 --accumulate 4 --checkpoint-blocks"]) {
    expectSame(await lossesOf(task, `--steps 50 --lr 0.001 ${how}`), whole);
  }
});

test.each(tested.filter((task) => packing.has(task)))("%s: packed examples do not see each other", async (task) => {
  const { length: packs } = await lossesOf(task, "--epochs 1 --batch 1 --pack");
  expect(packs).toBeLessThanOrEqual(36 / 2);
  const all = await lossesOf(task, "--steps 50 --lr 0.001 --batch 36");
  expectSame(await lossesOf(task, `--steps 50 --lr 0.001 --batch ${packs} --pack`), all);
  expectSame(await lossesOf(task, `--steps 50 --lr 0.001 --batch 1 --accumulate ${packs} --pack`), all);
});

test.each(tested)("%s: adapters that have learnt nothing change nothing", async (task) => {
  const plain = await lossesOf(task, "--steps 50 --lr 0");
  for (const how of ["", " --dora --rslora"]) expectSame(await lossesOf(task, `--steps 50 --lr 0 --method lora${how}`), plain);
});
