import { readFileSync } from "node:fs";
import { join } from "node:path";
import { currentBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readJson } from "./fixtures.ts";
import { draws } from "./programs/draws.ts";
import { difference } from "./programs/expectation.ts";
import type { Coverage, Expectation } from "./programs/expectation.ts";
import { generateProgram } from "./programs/generate.ts";
import { formatProgram } from "./programs/program.ts";
import type { Program } from "./programs/program.ts";
import { runProgram } from "./programs/run.ts";
import { shrink } from "./programs/shrink.ts";
import { Torch } from "./programs/torch.ts";
import { findPython } from "./python.ts";
import { runOn } from "./run-on.ts";

const backends: readonly [name: string, start: () => Promise<Backend>][] = [["cpu", () => cpu()], ["wasm", () => wasm()]];
const fixtures = readJson<{ readonly program: Program; readonly expected: Expectation }[]>("programs.json");

/** Ops that no program has, and why. */
const undrawn = {
  checkpoint: "it takes a function; @gpt/gpt compares its gradients with those without it, bit for bit",
  sample: "PyTorch has no such filters; the conformance suite has its reference",
};

test("every public op is drawn", () => {
  const index = readFileSync(join(import.meta.dirname, "../../packages/tensor/src/index.ts"), "utf8");
  const families = [...index.matchAll(/^export \{([^}]*)\} from "\.\/ops\//gm)];
  const exported = families.flatMap(([, names]) => names.match(/\w+/g) ?? []);
  const drawn = Object.keys(draws).filter((name) => name !== "detach" && name !== "gradient");
  expect([...drawn, ...Object.keys(undrawn)].sort()).toEqual(exported.sort());
});

describe.each(backends)("random programs on %s", (_, start) => {
  runOn(start);

  test.each(fixtures)("$program.seed: as in PyTorch", async ({ program, expected }) => {
    const problem = difference(await runProgram(program), expected);
    expect(problem, formatProgram(program)).toBeUndefined();
    expect(currentBackend().memory.liveBuffers).toBe(0);
  });
});

describe.runIf(process.env.GPT_VERIFY === "1")("5,000 random programs", () => {
  const python = findPython();
  let torch: Torch;
  beforeAll(() => {
    if (!python) throw new Error("there is no python3 with PyTorch here; GPT_PYTHON names one elsewhere");
    torch = new Torch(python);
  });
  afterAll(() => torch.dispose());

  /** What is wrong with a program here, in words. */
  async function problemOf(program: Program, coverage?: Coverage): Promise<string | undefined> {
    const results = await runProgram(program).catch((error: unknown) => String(error));
    for await (const expected of torch.evaluate([program])) {
      return typeof results === "string" ? results : difference(results, expected, coverage);
    }
    return undefined;
  }

  describe.each(backends)("on %s", (_, start) => {
    runOn(start);
    const coverage = { known: 0, unknown: 0 };
    const batches = Array.from({ length: 50 }, (_, batch) => batch);
    afterAll(() => expect(coverage.unknown / coverage.known).toBeLessThan(0.08));

    test.each(batches)("100 from seed %i00 on", { timeout: 3_600_000 }, async (batch) => {
      for (let i = 0; i < 100; i++) {
        // Every tenth has large tensors, for kernels that work in tiles.
        const sizes = i % 10 === 9 ? { ops: 5, elements: 20_000 } : { ops: 20, elements: 300 };
        const program = generateProgram(batch * 100 + i, sizes);
        const problem = await problemOf(program, coverage);
        if (!problem) continue;
        // What is left out may make of a difference a program that nothing runs.
        const kind = /^\w*Error/.exec(problem)?.[0];
        const smallest = await shrink(program, async (smaller) => {
          const problem = await problemOf(smaller).catch(() => undefined);
          return problem !== undefined && /^\w*Error/.exec(problem)?.[0] === kind;
        });
        expect.fail(`${formatProgram(smallest)}\n${await problemOf(smallest)}`);
      }
    });
  });
});
