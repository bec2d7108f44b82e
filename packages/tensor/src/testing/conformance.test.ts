import { afterAll, beforeAll, expect, expectTypeOf, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend, Kernels, ReduceKernels } from "../contract/index.ts";
import { noticing, sampleOf } from "../../test/conformance/sample.ts";
import type { Check, ChecksOf, ConformanceCase } from "./case.ts";
import { checkCase, conformanceCases } from "./index.ts";
import { mutants } from "./mutants/index.ts";
import type { Mutation } from "./mutants/mutation.ts";
import { alter, mutate } from "./mutants/mutation.ts";

const cases = conformanceCases();
const kernels = Object.keys(mutants) as (keyof Kernels)[];

let backend: Backend;
beforeAll(async () => void (backend = await cpu()));
afterAll(() => backend.dispose());

function casesAbout(kernel: keyof Kernels): readonly ConformanceCase[] {
  return cases.filter((subject) => subject.kernel === kernel);
}

/** What the suite says about a kernel of a backend: the first failure among its cases, or among some of them. */
async function firstFailure(kernel: keyof Kernels, backend: Backend, among = casesAbout(kernel)): Promise<string | undefined> {
  for (const subject of among) {
    try {
      await checkCase(subject, backend);
    } catch (error) {
      return (error as Error).message;
    }
  }
  return undefined;
}

async function failureOf<K extends keyof Kernels>(
  kernel: K,
  mutation: Mutation<Required<Kernels>[K]>,
): Promise<string | undefined> {
  return firstFailure(kernel, mutate(backend, kernel, mutation));
}

/** The beginning of what is said of a kernel. */
const about = (kernel: keyof Kernels): string => `cpu: ${kernel}: `;

const all = kernels.flatMap((kernel) => Object.keys(mutants[kernel]).map((name) => ({ kernel, name })));

// A sample of the cases is what WebGPU and others run in `npm test`: it notices all that the suite notices.
test.each(all)("notices a wrong $kernel: $name", async ({ kernel, name }) => {
  const mutation = mutants[kernel][name] as Mutation<Required<Kernels>[typeof kernel]>;
  const found = await firstFailure(kernel, mutate(backend, kernel, mutation), sampleOf(casesAbout(kernel), "eighth"));
  const missed = found === undefined ? await failureOf(kernel, mutation) : undefined;
  expect(missed, "the sample misses what this case notices: add it to `noticing` in test/conformance/sample.ts").toBeUndefined();
  expect(found).toMatch(about(kernel));
});

test("the sample names cases that there are", () => {
  const missing = kernels.flatMap((kernel) => {
    const names = casesAbout(kernel).map(({ name }) => name);
    return (noticing[kernel] ?? []).filter((name) => !names.includes(name));
  });
  expect(missing).toEqual([]);
});

test.each(kernels)("notices a %s that does nothing", async (kernel) => {
  expect(await failureOf(kernel, () => () => undefined)).toMatch(about(kernel));
});

test.each(kernels)("notices a %s that throws", async (kernel) => {
  const failing = (): never => {
    throw new Error("broken");
  };
  expect(await failureOf(kernel, () => failing)).toMatch(new RegExp(`^${about(kernel)}.*: broken$`));
});

test.each(kernels)("notices a %s that keeps a buffer", async (kernel) => {
  const leaking = mutate(backend, kernel, (original) => (call: never) => {
    backend.allocate(4);
    original(call);
  });
  expect(await firstFailure(kernel, leaking)).toMatch(/left \d+ buffers \(\d+ bytes\) behind$/);
});

test("notices results that differ from run to run, within the tolerance", async () => {
  let calls = 0;
  const unsteady = mutate(await cpu(), "unary", (original, memory) => (call) => {
    original(call);
    if (calls++ % 2 === 1) alter(memory, call.out, (value) => value * (1 + 2 ** -23));
  });
  expect(await firstFailure("unary", unsteady)).toMatch(/not deterministic/);
});

test("messages say kernel, case, element, values, error and tolerance", async () => {
  const message = await failureOf("linear", mutants.linear["bias dropped"]);
  expect(message).toMatchInlineSnapshot(`"cpu: linear: f16: [1, 1] to 5, bias, gelu: out: element [0, 3] of [1, 5]: expected -0.14464694261550903, got 0.14427068829536438; error in norm 1.20e+0, tolerance 0.000002"`);
});

test("a capability that is said to be missing must be missing", async () => {
  const backend = await cpu();
  const failures: string[] = [];
  for (const subject of conformanceCases({ nan: false, subnormals: false, indexErrors: false })) {
    if (!subject.without) continue;
    await checkCase(subject, backend).catch((error: Error) => failures.push(error.message));
  }
  expect(failures).toMatchInlineSnapshot(`
    [
      "cpu: affine: a subnormal number is flushed: out: element [0] of [1]: expected 0, got 2.938735877055719e-39; error in norm 2.94e-39, tolerance 0",
      "cpu: affine: NaN is lost: out: element [0] of [1]: expected 0, got NaN",
      "cpu: gatherRows: the rows of ids outside are NaN: gather: id -1 at position 0 is outside the table's 4 entries (0 to 3)",
      "cpu: rotary: what is turned by a position outside is NaN: rotary: id -1 at position 0 is outside the table's 3 entries (0 to 2)",
      "cpu: groupedLinear: rows of numbers outside are NaN: groupedLinear: id -1 at position 1 is outside the table's 3 entries (0 to 2)",
      "cpu: crossEntropy: targets outside have the loss and the gradient NaN: crossEntropy: target 5 at position 0 is outside the 5 classes (0 to 4) and not the ignored index 2",
      "cpu: gather: f32: the rows of ids outside are NaN: embedding: id -1 at position 0 is outside the table's 4 entries (0 to 3)",
      "cpu: gather: f16: the rows of ids outside are NaN: embedding: id -1 at position 0 is outside the table's 4 entries (0 to 3)",
      "cpu: gather: bf16: the rows of ids outside are NaN: embedding: id -1 at position 0 is outside the table's 4 entries (0 to 3)",
      "cpu: gather: int8: the rows of ids outside are NaN: embedding: id -1 at position 0 is outside the table's 4 entries (0 to 3)",
      "cpu: gather: int4: the rows of ids outside are NaN: embedding: id -1 at position 0 is outside the table's 4 entries (0 to 3)",
      "cpu: gather: mxfp4: the rows of ids outside are NaN: embedding: id -1 at position 0 is outside the table's 4 entries (0 to 3)",
    ]
  `);
});

test("a table that lacks a kernel, or checks for one, does not compile", () => {
  expectTypeOf<{ reduce: [Check]; argmax: [Check] }>().toExtend<ChecksOf<ReduceKernels>>();
  expectTypeOf<{ reduce: [Check] }>().not.toExtend<ChecksOf<ReduceKernels>>();
  expectTypeOf<{ reduce: [Check]; argmax: [] }>().not.toExtend<ChecksOf<ReduceKernels>>();
});
