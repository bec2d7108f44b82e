import type { Dense, View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import { entryArguments, groupIndex, spread } from "../runtime/grid.ts";
import { fits, split } from "../runtime/split-bindings.ts";
import type { Axes } from "../runtime/split-bindings.ts";
import { u32, writes } from "../runtime/program.ts";
import type { Elements, Operand, Value } from "../runtime/program.ts";
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

type StepType = "f32" | "u32" | "vec2f" | "vec3f" | "vec4f" | "vec2u";
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

/** Groups for each of some rows that share one. */
function groupsFor(rows: number, width: number): number {
  return Math.max(1, Math.min(Math.ceil(width / elementsOfGroup), Math.floor(manyGroups / rows)));
}

/**
 * Runs a kernel over rows. A workgroup takes a row, as many of them at a time as bindings reach. Workgroups share a row that is
 * beyond a binding, or long: in a step each of them combines what it sees of the row, part by part, in a slot; the steps that
 * follow combine the slots, and so does the end.
 */
export function overRows(engine: Engine, kernel: RowKernel): void {
  for (const rows of partsOf(engine, kernel, { ...kernel.elements, ...kernel.rows, ...kernel.columns }, ["rows", null])) {
    const isWithin = Object.values(rows.operands).every(({ view }) => fits(engine, view));
    const [count, width] = shapeOf(kernel, rows);
    if (isWithin && !(kernel.shares && groupsFor(count, width) > 1)) {
      run(engine, kernel, rows, { width, groups: 1 });
      continue;
    }
    const parts = isWithin ? [rows] : partsOf(engine, kernel, rows.operands, [null, "columns"]);
    const longest = parts.reduce((max, part) => Math.max(max, shapeOf(kernel, part)[1]), 0);
    const slots = groupsFor(count, longest);
    engine.withScratch(kernel.steps.length * count * slots * slotWords, (memory) => {
      for (const last of [...kernel.steps, undefined]) {
        const goesOn = last ?? kernel.each;
        const groups = goesOn ? slots : 1;
        (goesOn || kernel.onceReadsElements ? parts : parts.slice(0, 1)).forEach((part, i) => {
          run(engine, kernel, part, { width, groups, shared: { memory, slots, last, isFirst: i === 0 } });
        });
      }
    });
  }
}

/** Some rows, or some columns of a row, the first of which is the row's column `first`. */
interface RowsPart {
  readonly operands: Operands;
  readonly first: number;
}

function shapeOf({ elements }: RowKernel, { operands }: RowsPart): readonly number[] {
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

/** One call among those that take some rows. */
interface RowsCall {
  readonly width: number;
  /** Workgroups for each row. */
  readonly groups: number;
  /** Where workgroups share rows: the slots of each step and row, and the step that they take; none is the end. */
  readonly shared?: {
    readonly memory: Dense;
    readonly slots: number;
    readonly last: RowStep | undefined;
    readonly isFirst: boolean;
  };
}

function run(engine: Engine, kernel: RowKernel, part: RowsPart, { width, groups, shared }: RowsCall): void {
  const [rows, count] = shapeOf(kernel, part);
  const threads = shared ? rowThreads : rowThreadsFor(width);
  const { memory, slots = 0, last, isFirst = false } = shared ?? {};
  engine.run({
    name: kernel.name,
    variant: `${threads} ${kernel.variant} ${shared && `shared ${last?.name}`}`,
    operands: { ...part.operands, ...(memory && { slots: writes({ ...memory, dtype: "i32" }) }) },
    values: {
      rows: u32(rows), width: u32(width), count: u32(count), first: u32(part.first), groups: u32(groups), slots: u32(slots),
      is_first: u32(isFirst ? 1 : 0), ...kernel.values,
    },
    source: (of) => sourceOf(kernel, elementsBy(kernel, part, of), threads, shared && { slots: of.slots, last }),
    workgroups: spread(rows * groups),
  });
}

/** How source names elements: by `i` in the row, or by number among what there is for the row. */
function elementsBy(kernel: RowKernel, { operands }: RowsPart, of: Elements): Elements {
  return {
    ...mapped(kernel.elements, (_, name) => (i: string) => of[name](`start + ${i}`)),
    ...mapped(kernel.columns ?? {}, (_, name) => of[name]),
    ...mapped(kernel.rows ?? {}, (_, name) => (i: string) => of[name](`row * ${operands[name].view.shape[1] ?? 1}u + ${i}`)),
  };
}

/** The source of a kernel, or, where workgroups share rows, of one step or of the end. */
function sourceOf(
  { functions = "", begin, steps, each, once }: RowKernel,
  of: Elements,
  threads: number,
  shared?: { readonly slots: Elements[string]; readonly last: RowStep | undefined },
): string {
  const stride = `${shared ? "values.groups * " : ""}${threads}u`;
  // Steps that combine alike share functions, whose names end with a number.
  const kinds = [...new Set(steps.map(({ type = "f32", combine = "a + b" }) => `${type} ${combine}`))];
  const stepSource = (step: RowStep, index: number): string => {
    const { name, type = "f32", start = `${type}()`, combine = "a + b", then = "" } = step;
    const kind = kinds.indexOf(`${type} ${combine}`);
    const add = (to: string, what: string): string => `${to} = combine${kind}(${to}, ${what});`;
    const place = (slot: string): string =>
      `let place = ((${index}u * values.rows + row) * values.slots + ${slot}) * ${slotWords}u;`;
    const declare = `var own_${name} = ${start};`;
    // Long sums are made of short ones.
    const combineElements = `
  ${declare}
  for (var i = lane; i < values.count;) {
    var some = ${start};
    for (var turn = 0u; turn < ${elementsInTurn}u && i < values.count; turn++) {
      ${add("some", step.element(of))}
      i += ${stride};
    }
    ${add(`own_${name}`, "some")}
  }`;
    const all = `together${kind}(own_${name}, local)`;
    const finish = `
  let ${name} = ${all};
  ${then}`;
    if (!shared) return combineElements + finish;
    const { slots, last } = shared;
    if (step !== last) {
      return `
  ${declare}
  for (var i = local; i < values.slots; i += ${threads}u) {
    ${place("i")}
    ${add(`own_${name}`, loadSlot(type, slots))}
  }${finish}`;
    }
    return `${combineElements}
  var all = ${all};
  if (local == 0u) {
    ${place("group_of_row")}
    if (values.is_first == 0u) { ${add("all", loadSlot(type, slots))} }
    ${storeSlot(type, slots)}
  }`;
  };
  const end = `
  ${each ? `for (var i = lane; i < values.count; i += ${stride}) { ${each(of)} }` : ""}
  ${once ? `if (lane == 0u) { ${once(of)} }` : ""}`;
  const last = shared?.last;
  return `
${functions}
${kinds
  .map((kind, i) => {
    const [type, combine] = [kind.slice(0, kind.indexOf(" ")), kind.slice(kind.indexOf(" ") + 1)];
    return `
fn combine${i}(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
${together(`together${i}`, `combine${i}(a, b)`, threads, type)}`;
  })
  .join("")}
@compute @workgroup_size(${threads})
fn main(${entryArguments}) {
  let row = ${groupIndex} / values.groups;
  if (row >= values.rows) { return; }
  let group_of_row = ${groupIndex} % values.groups;
  let start = row * values.count;
  let lane = group_of_row * ${threads}u + local;
  ${begin?.(of) ?? ""}
  ${steps.slice(0, last ? steps.indexOf(last) + 1 : undefined).map(stepSource).join("")}
  ${last ? "" : end}
}`;
}

/** Words of a slot: they hold the bits of what is stored, which no device touches. */
const slotWords = 4;

/** The type of each number of a step's type, and the names of these numbers. */
function numbersOf(type: StepType): readonly [type: string, names: readonly string[]] {
  const isVector = type.startsWith("vec");
  return [/u/.test(type) ? "u32" : "f32", isVector ? [..."xyzw"].slice(0, Number(type[3])).map((name) => `.${name}`) : [""]];
}

/** WGSL of what is in the slot at `place`. */
function loadSlot(type: StepType, slots: Elements[string]): string {
  const [number, names] = numbersOf(type);
  return `${type}(${names.map((_, word) => `bitcast<${number}>(${slots(`place + ${word}u`)})`).join(", ")})`;
}

/** WGSL that stores `all` there. */
function storeSlot(type: StepType, slots: Elements[string]): string {
  return numbersOf(type)[1].map((name, word) => `${slots(`place + ${word}u`)} = bitcast<i32>(all${name});`).join(" ");
}
