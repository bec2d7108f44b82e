import { spawn } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { Section } from "../harness/report.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { recipes } from "../tasks/recipes.ts";
import type { Base, Context, Recipe } from "../tasks/recipes.ts";
import type { BenchmarkOptions } from "./benchmark.ts";

const title = "Tasks";
const command = fileURLToPath(new URL("../../../../apps/cli/src/main.ts", import.meta.url));

interface Result {
  /** By metric. */
  readonly scores: Readonly<Record<string, number>>;
  /** Of fine-tuning, and of the training of its base before. */
  readonly seconds: number;
  readonly trained: number;
}

/**
 * What the `gpt` command reaches on tasks, from nothing to a tuned model's score on examples that it never saw; a seed is a
 * round. Every step is the command's, in a process of its own.
 */
export async function tasksBenchmark({ data, tasks, rounds, progress }: BenchmarkOptions): Promise<Section> {
  const chosen = recipes.filter(({ name }) => tasks?.includes(name) ?? true);
  if (data === undefined || !statSync(data, { throwIfNoEntry: false })?.isDirectory()) return { title, rows: [], notes: ["skipped: give --data FOLDER, with trec-train.txt, trec-test.txt and rt-polarity.txt"] };
  const results = new Map<Recipe, Result[]>(chosen.map((recipe) => [recipe, []]));
  for (let seed = 0; seed < rounds; seed++) {
    await withTemporaryFolder(async (folder) => {
      const bases = new Map<string, { readonly out: string; readonly seconds: number }>();
      for (const recipe of chosen) {
        const context = { data, seed };
        const base = bases.get(recipe.base.name) ?? (await trainBase(recipe.base, context, folder));
        bases.set(recipe.base.name, base);
        const result = await tune(recipe, context, folder, base);
        results.get(recipe)!.push(result);
        progress(`tasks, seed ${seed}: ${recipe.name}: ${JSON.stringify(result)}`);
      }
    });
  }
  const head = ["task", "measured on", "score", "of each seed", "demanded", "seconds a seed, with its base", "weights that learn"];
  return { title, rows: [], details: [head, ...[...results].flatMap(([recipe, found]) => rowsOf(recipe, found))], notes: [...results.keys()].flatMap(commandsOf) };
}

async function trainBase({ name, text, options }: Base, context: Context, folder: string): Promise<{ readonly out: string; readonly seconds: number }> {
  const [file, out] = [join(folder, `${name}.txt`), join(folder, name)];
  writeFileSync(file, text(context));
  const { seconds } = await run("train", options, { data: file, out, seed: context.seed });
  return { out, seconds: seconds as number };
}

async function tune(
  { name, files, finetune, evaluate, demanded }: Recipe, context: Context, folder: string, base: { readonly out: string; readonly seconds: number },
): Promise<Result> {
  const { train, test } = files(context);
  const path = (part: string, records: readonly object[]): string => {
    const file = join(folder, `${name}-${part}.jsonl`);
    writeFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    return file;
  };
  const out = join(folder, `${name}-tuned`);
  const { seconds, trainable, parameters } = await run("finetune", finetune, { model: base.out, data: path("train", train), out, seed: context.seed });
  const measured = await run("eval", evaluate, { model: out, data: path("test", test) });
  const scores = Object.fromEntries(Object.keys(demanded).map((metric) => [metric, measured[metric] as number]));
  return { scores, seconds: base.seconds + (seconds as number), trained: (trainable as number) / (parameters as number) };
}

/** Runs the command to its end, and gives the last line that it prints. */
function run(name: string, options: string, more: Readonly<Record<string, string | number>>): Promise<Record<string, unknown>> {
  const given = Object.entries(more).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const args = ["--conditions=@gpt/source", command, name, ...options.split(" "), ...given, "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [printed, said] = ["", ""];
  child.stdout.on("data", (text: Buffer) => (printed += text.toString()));
  child.stderr.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-2000)));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code !== 0) reject(new Error(`gpt ${name} ended with ${code}: ${said}`));
      else resolve(JSON.parse(printed.trim().split("\n").at(-1)!) as Record<string, unknown>);
    });
  });
}

/** A row for each metric. */
function rowsOf({ name, demanded }: Recipe, found: readonly Result[]): string[][] {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  return Object.entries(demanded).map(([metric, least]) => {
    const scores = found.map(({ scores }) => scores[metric]);
    return [
      name, metric, percent(mean(scores)), scores.map(percent).join(" "), `${percent(least)} ${mean(scores) >= least ? "✓" : "✗"}`,
      mean(found.map(({ seconds }) => seconds)).toFixed(0), percent(mean(found.map(({ trained }) => trained))),
    ];
  });
}

function commandsOf({ name, base, finetune, evaluate }: Recipe): string[] {
  const model = `runs/${base.name}`;
  return [
    `${name}: \`gpt train --data ${base.name}.txt --out ${model} ${base.options}\`, \`gpt finetune --model ${model} --data ${name}-train.jsonl --out runs/${name} ` +
      `${finetune}\`, \`gpt eval --model runs/${name} --data ${name}-test.jsonl ${evaluate}\``,
  ];
}
