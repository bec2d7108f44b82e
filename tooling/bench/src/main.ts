import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Benchmark } from "./benchmarks/benchmark.ts";
import { expertsBenchmark as experts } from "./benchmarks/experts.ts";
import { finetune } from "./benchmarks/finetune.ts";
import { gpu } from "./benchmarks/gpu.ts";
import { kernels } from "./benchmarks/kernels.ts";
import { playground } from "./benchmarks/playground.ts";
import { matmul } from "./benchmarks/matmul.ts";
import { decode } from "./benchmarks/decode.ts";
import { startup } from "./benchmarks/startup.ts";
import { tasksBenchmark as tasks } from "./benchmarks/tasks.ts";
import { tokenize } from "./benchmarks/tokenize.ts";
import { train } from "./benchmarks/train.ts";
import { webgpu } from "./benchmarks/webgpu.ts";
import { machineLine } from "./harness/machine.ts";
import { insertSection } from "./harness/page.ts";
import { formatSection } from "./harness/report.ts";
import { recipes } from "./tasks/recipes.ts";

const benchmarks: Record<string, Benchmark> = { matmul, train, finetune, decode, tokenize, startup, webgpu, gpu, kernels, experts, tasks, playground };

const usage = `Usage: npm run bench -- [NAME…] [--json] [--out FILE] [--data FILE] [--rounds N]

Measures against other libraries: ${Object.keys(benchmarks).join(", ")}; all where no name is given.

  --json       print one JSON object for each benchmark
  --out FILE   put the tables into this page as well, each in the place of the one before
  --data FILE  the text that is encoded, instead of the suite's own; \`experts\` learns it;
               for \`tasks\` the folder of its data
  --peak N     what the GPU can do in f32, in TFLOP/s, which \`gpu\` is compared with
  --tasks LIST some of the tasks of \`tasks\`, as in questions,spam
  --rounds N   how often the contenders alternate, or how many seeds \`experts\` and \`tasks\` take, default 7
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      out: { type: "string" },
      data: { type: "string" },
      peak: { type: "string" },
      tasks: { type: "string" },
      rounds: { type: "string", default: "7" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  const rounds = Number(values.rounds);
  if (unknown !== undefined) throw new UsageError(`there is no benchmark ${unknown}`);
  if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError(`--rounds must be a whole number from 1`);

  const tasksGiven = values.tasks?.split(",");
  const unknownTask = tasksGiven?.find((name) => !recipes.some((recipe) => recipe.name === name));
  if (unknownTask !== undefined) throw new UsageError(`there is no task ${unknownTask}; there are ${recipes.map(({ name }) => name).join(", ")}`);

  const peak = values.peak === undefined ? undefined : Number(values.peak);
  if (peak !== undefined && !(peak > 0)) throw new UsageError("--peak must be a number of TFLOP/s");

  const machine = machineLine();
  let failed = false;
  for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
    const progress = (text: string): void => void process.stderr.write(`${text}\n`);
    const section = await benchmarks[name]({ data: values.data, tasks: tasksGiven, peak, rounds, progress });
    if (section.failures && section.failures.length > 0) failed = true;
    const place = section.place === undefined ? machine : `${machine}, ${section.place}`;
    const text = `${formatSection(section)}\n${place}.`;
    process.stdout.write(values.json ? `${JSON.stringify({ name, machine, ...section })}\n` : `\n${text}\n`);
    if (values.out === undefined) continue;
    const page = existsSync(values.out) ? readFileSync(values.out, "utf8") : "";
    writeFileSync(values.out, insertSection(page, name, text));
  }
  return failed ? 1 : 0;
}

class UsageError extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  const wrongUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
  process.stderr.write(`error: ${(error as Error).message}\n${wrongUsage ? `\n${usage}` : ""}`);
  process.exitCode = wrongUsage ? 2 : 1;
}
