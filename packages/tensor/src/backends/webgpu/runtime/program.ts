import type { View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";

/** A number that a kernel is called with. */
export interface Value {
  readonly type: "u32" | "i32" | "f32";
  readonly value: number;
}

export const u32 = (value: number): Value => ({ type: "u32", value });
export const i32 = (value: number): Value => ({ type: "i32", value });
export const f32 = (value: number): Value => ({ type: "f32", value });

/** Memory that a kernel reads or writes. */
export interface Operand {
  readonly view: View<DType>;
  readonly writes: boolean;
  /** How many elements are read at once; the view begins at a multiple of it. */
  readonly width: 1 | 4;
}

export const reads = (view: View<DType>, width: 1 | 4 = 1): Operand => ({ view, writes: false, width });
export const writes = (view: View<DType>): Operand => ({ view, writes: true, width: 1 });

/** How source reads, or assigns to, the element (of its width) of an operand at an index, counted from its first. */
export type Elements = Readonly<Record<string, (index: string) => string>>;

/** One call of a kernel. */
export interface Dispatch {
  /** The kernel's name. */
  readonly name: string;
  /** What the source depends on, beside the name and what it knows of its operands and values. */
  readonly variant?: string | number;
  readonly operands: Readonly<Record<string, Operand>>;
  /** Numbers, which the source reads as `values.name`. */
  readonly values: Readonly<Record<string, Value>>;
  /** WGSL with the entry point `main`. */
  readonly source: (elements: Elements) => string;
  /** How many workgroups along each axis. */
  readonly workgroups: readonly [x: number, y?: number, z?: number];
}

/** A part of a buffer that is bound. */
export interface Binding {
  readonly buffer: number;
  /** In elements; a multiple of 64, as devices ask for. */
  readonly start: number;
  /** Infinite where it goes to the buffer's end. */
  readonly end: number;
  readonly writes: boolean;
  readonly dtype: DType;
  readonly width: 1 | 4;
}

/** Which parts of which buffers a call binds, and where its operands are in them. */
export interface Bindings {
  readonly bindings: readonly Binding[];
  /** For each operand the index of its binding, and its first element, counted from the binding's start. */
  readonly places: readonly { readonly binding: number; readonly start: number }[];
}

/** Elements between places where a binding may start. */
const bindingUnit = 64;

/**
 * Lays out the bindings of a call. A device refuses a buffer that is bound for writing and once more: operands that
 * share one which is written share a binding. `bindsWhole` tells whether a buffer is bound as a whole.
 */
export function layOut(operands: readonly Operand[], bindsWhole: (buffer: number) => boolean): Bindings {
  const written = new Set(operands.filter(({ writes }) => writes).map(({ view }) => view.buffer));
  const bindings: Binding[] = [];
  const indices = operands.map(({ view, writes, width }) => {
    const { buffer, dtype } = view;
    const whole = bindsWhole(buffer);
    const start = whole ? 0 : Math.floor(view.offset / bindingUnit) * bindingUnit;
    const end = whole ? Infinity : endOf(view);
    const shared = written.has(buffer) ? bindings.findIndex((binding) => binding.buffer === buffer) : -1;
    if (shared < 0) return bindings.push({ buffer, start, end, writes, dtype, width }) - 1;
    const other = bindings[shared];
    bindings[shared] = {
      ...other,
      start: Math.min(start, other.start),
      end: Math.max(end, other.end),
      writes: true,
    };
    return shared;
  });
  const places = operands.map(({ view }, i) => ({
    binding: indices[i],
    start: (view.offset - bindings[indices[i]].start) / bindings[indices[i]].width,
  }));
  return { bindings, places };
}

/** The place behind the last element of a view. */
export function endOf({ offset, shape, strides }: View<DType>): number {
  let last = offset;
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 0) return offset;
    last += (shape[axis] - 1) * strides[axis];
  }
  return last + 1;
}

/** The source of a call's program: its values, bindings, and the kernel's own. */
export function sourceOf(dispatch: Dispatch, { bindings, places }: Bindings): string {
  const names = Object.keys(dispatch.operands);
  const fields = [
    ...names.map((name) => `  start_${name}: u32,`),
    ...Object.entries(dispatch.values).map(([name, { type }]) => `  ${name}: ${type},`),
  ];
  const declarations = bindings.map(({ writes, dtype, width }, i) => {
    const element = width === 1 ? dtype : `vec${width}<${dtype}>`;
    return `@group(0) @binding(${i}) var<storage, ${writes ? "read_write" : "read"}> buffer${i}: array<${element}>;`;
  });
  const elements = Object.fromEntries(
    names.map((name, i) => [name, (index: string) => `buffer${places[i].binding}[values.start_${name} + (${index})]`]),
  );
  return [
    "struct Values {",
    ...fields,
    "}",
    "@group(1) @binding(0) var<uniform> values: Values;",
    ...declarations,
    dispatch.source(elements),
  ].join("\n");
}

/** What the device calls a call's program and buffers by, when it finds something wrong with them. */
export function labelOf({ name, operands }: Pick<Dispatch, "name" | "operands">): string {
  return `${name}: ${Object.keys(operands).join(", ")}`;
}

/** Tells programs apart. */
export function keyOf({ name, variant = "", operands, values }: Dispatch, { bindings, places }: Bindings): string {
  let key = `${name} ${variant}|${Object.keys(operands).join()}|`;
  for (const { binding } of places) key += binding;
  for (const { writes, dtype, width } of bindings) key += `${writes ? "w" : "r"}${dtype}${width}`;
  key += "|";
  for (const [field, { type }] of Object.entries(values)) key += `${field}:${type},`;
  return key;
}
