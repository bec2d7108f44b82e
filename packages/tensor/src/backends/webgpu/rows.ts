import type { View } from "../../contract/index.ts";
import type { DType } from "../../dtype.ts";
import type { Engine } from "./engine.ts";
import { entryArguments, groupIndex, spread } from "./grid.ts";
import { fits, split } from "./parts.ts";
import type { Axes } from "./parts.ts";
import { u32, writes } from "./program.ts";
import type { Elements, Operand, Value } from "./program.ts";
import { elementsInTurn, rowThreads, rowThreadsFor, together } from "./workgroup.ts";

/** What is found out of a row: a combination of its elements. */
export interface RowStep {
  /** WGSL's name of the result, for what follows. */
  readonly name: string;
  /** Default f32. */
  readonly type?: StepType;
  /** WGSL of the combination of no elements. Default: zero. */
  readonly start?: string;
  /** WGSL that combines `a` and `b`, in any order. Default: their sum. */
  readonly combine?: string;
  /** WGSL of what element `i` contributes; its column is `values.first + i`. */
  readonly element: (of: Elements) => string;
  /** WGSL that declares what follows from the result. */
  readonly then?: string;
}

type StepType = "f32" | "u32" | "vec2f" | "vec3f" | "vec2u";
type Operands = Readonly<Record<string, Operand>>;

/**
 * A kernel that goes over rows, in WGSL: its steps find something out of a row, one after the other; then elements are
 * written. `values.width` is the row's width, `values.count` how many of its elements there are in this call, from column
 * `values.first` on.
 */
export interface RowKernel {
  readonly name: string;
  readonly variant?: string | number;
  /** `[rows, width]`; source names element `i` of the row. */
  readonly elements: Operands;
  /** `[width]`; source names element `i`. */
  readonly columns?: Operands;
  /** `[rows]` or `[rows, n]`; source names one of the row's elements, 0 to n − 1. */
  readonly rows?: Operands;
  readonly values?: Readonly<Record<string, Value>>;
  readonly functions?: string;
  /** What is declared before the steps. */
  readonly begin?: (of: Elements) => string;
  readonly steps: readonly RowStep[];
  /** What is done for element `i`. */
  readonly each?: (of: Elements) => string;
  /** What one thread does for the row. */
  readonly once?: (of: Elements) => string;
  /** Whether it reads elements: then it is done for each part of the row, one of which has them. Default false. */
  readonly onceReadsElements?: boolean;
  /** Whether workgroups share long rows where there are few of them. Default: only rows beyond a binding. */
  readonly shares?: boolean;
}

/** Workgroups that keep a GPU busy, and elements that each of them should have. */
const manyGroups = 512;
const elementsOfGroup = 16 * rowThreads;

/**
 * Runs a kernel over rows: a workgroup takes a row, whatever a binding reaches of the rows at a time. Workgroups share a row
 * that is beyond a binding, part by part, or long.
 */
export function overRows(engine: Engine, kernel: RowKernel): void {
  for (const { operands } of partsOf(engine, kernel, operandsOf(kernel), ["rows", null])) {
    const isWithin = Object.values(operands).every(({ view }) => fits(engine, view));
    const [rows, width] = shapeOf(kernel, operands);
    const groups = Math.min(Math.ceil(width / elementsOfGroup), Math.floor(manyGroups / rows));
    if (isWithin && !(kernel.shares && groups > 1)) {
      runAtOnce(engine, kernel, operands);
    } else {
      const parts = isWithin ? [{ operands, first: 0 }] : partsOf(engine, kernel, operands, [null, "columns"]);
      runInSteps(engine, kernel, parts, width);
    }
  }
}

/** Some rows, or some columns of a row, the first of which is the row's column `first`. */
interface RowsPart {
  readonly operands: Operands;
  readonly first: number;
}

function operandsOf({ elements, rows, columns }: RowKernel): Operands {
  return { ...elements, ...rows, ...columns };
}

function shapeOf({ elements }: RowKernel, operands: Operands): readonly number[] {
  return operands[Object.keys(elements)[0]].view.shape;
}

function partsOf(engine: Engine, kernel: RowKernel, operands: Operands, [row, column]: Axes<"rows" | "columns">): RowsPart[] {
  const axes = {
    ...mapped(kernel.elements, () => [row, column]),
    ...mapped(kernel.rows ?? {}, () => [row, null]),
    ...mapped(kernel.columns ?? {}, () => [column]),
  };
  const views: Record<string, View<DType>> = mapped(operands, ({ view }) => view);
  const written = Object.keys(operands).filter((name) => operands[name].writes);
  return split<typeof views, "rows" | "columns">(engine, views, axes, written).map((part) => ({
    operands: mapped(operands, (operand, name) => ({ ...operand, view: part.operands[name] })),
    first: part.starts.columns,
  }));
}

function mapped<T, U>(record: Readonly<Record<string, T>>, to: (value: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value, name)]));
}

/** How source names elements: by `i` in the row, or by number among what there is for the row. */
function elementsBy(kernel: RowKernel, operands: Operands, of: Elements): Elements {
  return {
    ...mapped(kernel.elements, (_, name) => (i: string) => of[name](`start + ${i}`)),
    ...mapped(kernel.columns ?? {}, (_, name) => of[name]),
    ...mapped(kernel.rows ?? {}, (_, name) => (i: string) => of[name](`row * ${operands[name].view.shape[1] ?? 1}u + ${i}`)),
  };
}

/** A workgroup for each row. */
function runAtOnce(engine: Engine, kernel: RowKernel, operands: Operands): void {
  const { name, variant, begin, each, once } = kernel;
  const [rows, width] = shapeOf(kernel, operands);
  const threads = rowThreadsFor(width);
  const steps = plan(kernel.steps);
  engine.run({
    name,
    variant: `${threads} ${variant}`,
    operands,
    values: { rows: u32(rows), width: u32(width), count: u32(width), first: u32(0), ...kernel.values },
    source: (of) => {
      const elements = elementsBy(kernel, operands, of);
      const find = (step: PlannedStep): string => `
  ${combineElements(step, elements, threads, `${threads}u`)}
  ${finish(step)}`;
      return `
${functionsOf(kernel, steps, threads)}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex};
  if (row >= values.rows) { return; }
  let start = row * values.count;
  let lane = local;
  ${begin?.(elements) ?? ""}
  ${steps.map(find).join("")}
  ${each ? `for (var i = lane; i < values.count; i += ${threads}u) { ${each(elements)} }` : ""}
  ${once ? `if (local == 0u) { ${once(elements)} }` : ""}
}`;
    },
    workgroups: spread(rows),
  });
}

/**
 * Workgroups share rows. In a step each of them combines what it sees of a row, part by part, in a slot; the steps that
 * follow combine the slots, and so does the end.
 */
function runInSteps(engine: Engine, kernel: RowKernel, parts: readonly RowsPart[], width: number): void {
  const [rows] = shapeOf(kernel, parts[0].operands);
  const counts = parts.map(({ operands }) => shapeOf(kernel, operands)[1]);
  const longest = counts.reduce((most, count) => Math.max(most, count), 0);
  const slots = Math.max(1, Math.min(Math.ceil(longest / elementsOfGroup), Math.floor(manyGroups / rows)));
  const steps = plan(kernel.steps);
  engine.withScratch(steps.length * rows * slots * slotWords, (scratch) => {
    for (const last of [...steps, undefined]) {
      const goesOn = last ?? kernel.each;
      const groups = goesOn ? slots : 1;
      const some = goesOn || kernel.onceReadsElements ? parts : parts.slice(0, 1);
      some.forEach(({ operands, first }, i) => {
        engine.run({
          name: kernel.name,
          variant: `${last ? `step ${last.name}` : "end"} ${kernel.variant}`,
          operands: { ...operands, slots: writes({ ...scratch, dtype: "i32" }) },
          values: {
            rows: u32(rows),
            width: u32(width),
            count: u32(counts[i]),
            first: u32(first),
            groups: u32(groups),
            slots: u32(slots),
            is_first: u32(i === 0 ? 1 : 0),
            ...kernel.values,
          },
          source: (of) => sourceOfStep(kernel, steps, last, elementsBy(kernel, operands, of), of.slots),
          workgroups: spread(rows * groups),
        });
      });
    }
  });
}

/** The source of one step, or of what follows all of them. */
function sourceOfStep(
  kernel: RowKernel,
  steps: readonly PlannedStep[],
  last: PlannedStep | undefined,
  elements: Elements,
  slots: Elements[string],
): string {
  const { begin, each, once } = kernel;
  const stride = `values.groups * ${rowThreads}u`;
  const combineSlots = (step: PlannedStep): string => `
  var own_${step.name} = ${step.start};
  for (var i = local; i < values.slots; i += ${rowThreads}u) {
    let place = ${slotOf(step, "i")};
    own_${step.name} = combine${step.kind}(own_${step.name}, ${loadSlot(step, slots)});
  }
  ${finish(step)}`;
  const fillSlot = (step: PlannedStep): string => `
  ${combineElements(step, elements, rowThreads, stride)}
  var all = together${step.kind}(own_${step.name}, local);
  if (local == 0u) {
    let place = ${slotOf(step, "group_of_row")};
    if (values.is_first == 0u) { all = combine${step.kind}(${loadSlot(step, slots)}, all); }
    ${storeSlot(step, slots)}
  }`;
  const end = `
  ${each ? `for (var i = lane; i < values.count; i += ${stride}) { ${each(elements)} }` : ""}
  ${once ? `if (lane == 0u) { ${once(elements)} }` : ""}`;
  return `
${functionsOf(kernel, steps, rowThreads)}
@compute @workgroup_size(${rowThreads})
fn main(${entryArguments}) {
  let row = ${groupIndex} / values.groups;
  if (row >= values.rows) { return; }
  let group_of_row = ${groupIndex} % values.groups;
  let start = row * values.count;
  let lane = group_of_row * ${rowThreads}u + local;
  ${begin?.(elements) ?? ""}
  ${steps.slice(0, last ? last.index : steps.length).map(combineSlots).join("")}
  ${last ? fillSlot(last) : end}
}`;
}

/** A step with what is left out filled in, its number, and that of the way in which it combines: functions end with that. */
interface PlannedStep extends RowStep {
  readonly type: StepType;
  readonly start: string;
  readonly combine: string;
  readonly index: number;
  readonly kind: number;
}

function plan(steps: readonly RowStep[]): PlannedStep[] {
  const kinds: string[] = [];
  return steps.map((step, index) => {
    const { type = "f32", start = `${type}()`, combine = "a + b" } = step;
    const kind = `${type} ${combine}`;
    if (!kinds.includes(kind)) kinds.push(kind);
    return { ...step, type, start, combine, index, kind: kinds.indexOf(kind) };
  });
}

/** WGSL of the kernel's own functions, and of what steps call: `combine` and `together` of each kind. */
function functionsOf(kernel: RowKernel, steps: readonly PlannedStep[], threads: number): string {
  const kinds = steps.filter(({ kind }, i) => steps.findIndex((step) => step.kind === kind) === i);
  return [
    kernel.functions ?? "",
    ...kinds.map(({ type, combine, kind }) => `
fn combine${kind}(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
${together(`together${kind}`, `combine${kind}(a, b)`, threads, type)}`),
  ].join("\n");
}

/** WGSL that declares `own_name`: what a thread sees of a row, combined. Long sums are made of short ones. */
function combineElements({ name, start, kind, element }: PlannedStep, of: Elements, threads: number, stride: string): string {
  const add = (to: string): string => `${to} = combine${kind}(${to}, ${element(of)});`;
  if (threads < rowThreads) {
    return `var own_${name} = ${start};
  for (var i = lane; i < values.count; i += ${stride}) { ${add(`own_${name}`)} }`;
  }
  return `var own_${name} = ${start};
  for (var i = lane; i < values.count;) {
    var some = ${start};
    for (var turn = 0u; turn < ${elementsInTurn}u && i < values.count; turn++) {
      ${add("some")}
      i += ${stride};
    }
    own_${name} = combine${kind}(own_${name}, some);
  }`;
}

/** WGSL that declares the result of a step, and what follows from it. */
function finish({ name, kind, then }: PlannedStep): string {
  return `let ${name} = together${kind}(own_${name}, local);
  ${then ?? ""}`;
}

/** Words of a slot. */
const slotWords = 4;

function slotOf({ index }: PlannedStep, slot: string): string {
  return `((${index}u * values.rows + row) * values.slots + ${slot}) * ${slotWords}u`;
}

/** The type of the parts of a step's type, and how many there are. */
const partsOfType: Record<StepType, readonly [type: string, count: number]> = {
  f32: ["f32", 1], u32: ["u32", 1], vec2f: ["f32", 2], vec3f: ["f32", 3], vec2u: ["u32", 2],
};

/** WGSL that loads what is in the slot at `place`: as words, whose bits no device touches. */
function loadSlot({ type }: PlannedStep, slots: Elements[string]): string {
  const [part, count] = partsOfType[type];
  return `${type}(${wordsOf(count).map((word) => `bitcast<${part}>(${slots(`place + ${word}u`)})`).join(", ")})`;
}

/** WGSL that stores `all` there. */
function storeSlot({ type }: PlannedStep, slots: Elements[string]): string {
  const [, count] = partsOfType[type];
  return wordsOf(count)
    .map((word) => `${slots(`place + ${word}u`)} = bitcast<i32>(all${count > 1 ? `[${word}]` : ""});`)
    .join(" ");
}

function wordsOf(count: number): readonly number[] {
  return Array.from({ length: count }, (_, word) => word);
}
