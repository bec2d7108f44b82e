import { toJsonNumber } from "./program.ts";
import type { JsonNumber, Program, Step } from "./program.ts";
import { runProgram } from "./run.ts";

/** Whether a program fails in the way that is looked into. */
type Fails = (program: Program) => Promise<boolean>;

/** Makes a program that fails smaller, for as long as the smaller one fails as well. */
export async function shrink(program: Program, fails: Fails): Promise<Program> {
  for (let before = Infinity; cost(program) < before; ) {
    before = cost(program);
    for (const attempt of [tail, unused, given, bypassed, plainer]) {
      for (let i = program.steps.length - 1; i >= 0; i--) {
        for (const steps of i < program.steps.length ? await attempt(program.steps, i) : []) {
          const smaller = { ...program, steps };
          if (cost(smaller) < cost(program) && (await fails(smaller))) program = smaller;
        }
      }
    }
  }
  return program;
}

/** How much there is to read. */
function cost({ steps }: Program): number {
  return JSON.stringify(steps).length;
}

/** All up to a step, without what nothing there depends on. */
function tail(steps: readonly Step[], i: number): Step[][] {
  const kept = new Set([i]);
  for (let j = i; j >= 0; j--) if (kept.has(j)) for (const input of steps[j].in) kept.add(input);
  const cut = steps.slice(0, i + 1);
  return [cut.reduceRight<Step[]>((left, _, j) => (kept.has(j) ? left : without(left, j)), cut), cut];
}

function unused(steps: readonly Step[], i: number): Step[][] {
  return steps.some((step) => step.in.includes(i)) ? [] : [without(steps, i)];
}

/** Without a step that no other one uses. */
function without(steps: readonly Step[], i: number): Step[] {
  return steps.toSpliced(i, 1).map((step) => ({ ...step, in: step.in.map((input) => (input > i ? input - 1 : input)) }));
}

/** An input of a step in the place of its result. */
function bypassed(steps: readonly Step[], i: number): Step[][] {
  return steps[i].in.map((input) =>
    without(
      steps.map((step) => ({ ...step, in: step.in.map((used) => (used === i ? input : used)) })),
      i,
    ),
  );
}

/** The numbers that a step results in as an input in its place. */
async function given(steps: readonly Step[], i: number): Promise<Step[][]> {
  if (steps[i].in.length === 0) return [];
  const shapes: (readonly number[] | undefined)[] = [];
  const results = await runProgram({ seed: 0, steps: steps.slice(0, i + 1) }, shapes).catch(() => undefined);
  const values = results?.[i];
  if (!values || values.length > 2000) return [];
  const args = { shape: shapes[i], data: Array.from(values, toJsonNumber) };
  const kinds = values instanceof Int32Array ? [{ dtype: "i32" }] : [{}, { grad: true }];
  return kinds.map((kind) => {
    const replaced = steps.with(i, { op: "input", in: [], args: { ...args, ...kind } });
    return tail(replaced, steps.length - 1)[0].length < replaced.length ? pruned(replaced) : replaced;
  });
}

/** Without inputs that nothing uses. */
function pruned(steps: readonly Step[]): Step[] {
  return steps.reduceRight<Step[]>(
    (left, step, i) => (step.op === "input" && unused(left, i).length > 0 ? without(left, i) : left),
    [...steps],
  );
}

/** An input with plainer numbers. */
function plainer(steps: readonly Step[], i: number): Step[][] {
  const { op, args } = steps[i];
  if (op !== "input" || args?.dtype === "i32") return [];
  const data = args!.data as readonly JsonNumber[];
  const variants = [data.map(() => 1), data.map((value) => toJsonNumber(Math.round(Number(value))))];
  for (let length = data.length >> 1; length >= Math.max(1, data.length >> 4); length >>= 1) {
    for (let start = 0; start < data.length; start += length) {
      variants.push(data.map((value, place) => (place >= start && place < start + length ? 0 : value)));
    }
  }
  return variants.map((data) => steps.with(i, { ...steps[i], args: { ...args, data } }));
}
