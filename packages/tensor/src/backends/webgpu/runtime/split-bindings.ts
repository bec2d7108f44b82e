import type { Dense, View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "./engine.ts";
import { endOf } from "./program.ts";

/** What there is to know of an engine here. */
export type Reach = Pick<Engine, "maxBindingElements">;

/** Elements between places where a binding may start: by less than this it starts in front of a view. */
const bindingUnit = 64;

/** Whether one binding reaches all of a view. */
export function fits(engine: Reach, view: View<DType>): boolean {
  return endOf(view) - view.offset + bindingUnit <= engine.maxBindingElements;
}

/** From the first element of two views in one buffer to the last one. */
export function span(a: View<DType>, b: View<DType>): View<DType> {
  const offset = Math.min(a.offset, b.offset);
  return relaid(a, { offset, shape: [Math.max(endOf(a), endOf(b)) - offset], strides: [1] });
}

/** Whether the spans of two views have elements in common, though these may be of gaps. */
export function overlap(a: View<DType>, b: View<DType>): boolean {
  return a.buffer === b.buffer && a.offset < endOf(b) && b.offset < endOf(a);
}

/** The same memory with another layout. Views may be tensors, whose properties do not spread. */
export function relaid<D extends DType>(
  view: View<D>,
  layout: Partial<Pick<View, "buffer" | "offset" | "shape" | "strides">>,
): View<D> {
  const { buffer, offset, shape, strides, dtype } = view;
  return { buffer, offset, shape, strides, dtype, ...layout };
}

/** Elements `[start, start + count)` along an axis. */
export function narrow<D extends DType>(view: View<D>, axis: number, start: number, count: number): View<D> {
  const shape = view.shape.map((length, i) => (i === axis ? count : length));
  return relaid(view, { offset: view.offset + start * view.strides[axis], shape });
}

/** All elements of a dense view along one axis. */
export function flat<D extends DType>(view: Dense<D>): Dense<D> {
  return relaid(view, { shape: [sizeOf(view.shape)], strides: [1] });
}

export type Views = Readonly<Record<string, View<DType> | null>>;

/** An axis along which operands may be cut, and how many elements of an operand belong to one step along it. */
export interface SteppedAxis<Axis extends string> {
  readonly axis: Axis;
  readonly step: number;
}

/** The axes of an operand, by name: operands are cut together along axes of one name, and not along `null`. */
export type Axes<Axis extends string> = readonly (Axis | SteppedAxis<Axis> | null)[];
export type AxesOf<Operands extends Views, Axis extends string> = { readonly [Name in keyof Operands]: Axes<Axis> };

/** Operands of one call of a kernel among those that do the work together. */
export interface Part<Operands extends Views, Axis extends string> {
  readonly operands: Operands;
  /** Where the part begins along each axis, in steps. */
  readonly starts: Readonly<Record<Axis, number>>;
}

/**
 * Cuts operands into parts that bindings reach, along axes that the kernel names: mostly there is one part, which is all.
 * What is absent stays so. Parts follow on one another along each axis: a result without an axis is added to by the parts
 * whose start there is not 0. What is written shares a binding with what lies between its elements. Where an operand cannot
 * be cut far enough, its parts are beyond reach; the engine refuses them unless the caller has another way.
 */
export function split<Operands extends Views, Axis extends string>(
  engine: Reach,
  operands: Operands,
  axes: AxesOf<Operands, Axis>,
  written: readonly (keyof Operands & string)[],
): Part<Operands, Axis>[] {
  const named = Object.values<Axes<Axis>>(axes).flat().filter((own) => own !== null);
  const starts = Object.fromEntries(named.map((own) => [nameOf(own), 0])) as Record<Axis, number>;
  return [...cut(engine, { operands, starts }, axes, written)];
}

/** Each cut leaves fewer steps along its axis, and as many along the others: there is an end. */
function* cut<Operands extends Views, Axis extends string>(
  engine: Reach,
  part: Part<Operands, Axis>,
  axes: AxesOf<Operands, Axis>,
  written: readonly string[],
): Generator<Part<Operands, Axis>> {
  const longest = longestAxis(engine, part.operands, axes, written);
  if (!longest) {
    yield part;
    return;
  }
  const { axis, steps } = longest;
  // At multiples that keep vec4s vec4s, where there are enough steps.
  const half = steps > 2 * bindingUnit ? bindingUnit * Math.floor(steps / (2 * bindingUnit)) : steps >> 1;
  for (const [start, count] of [[0, half], [half, steps - half]]) {
    const entries = Object.entries(part.operands).map(([name, view]) => {
      if (view === null) return [name, view];
      const narrowed = axes[name].reduce((rest, own, i) => {
        return own !== null && nameOf(own) === axis ? narrowBySteps(rest, i, stepOf(own), start, count) : rest;
      }, view);
      return [name, narrowed];
    });
    const operands = Object.fromEntries(entries) as Operands;
    yield* cut(engine, { operands, starts: { ...part.starts, [axis]: part.starts[axis] + start } }, axes, written);
  }
}

/** The axis along which the first operand beyond reach is longest, of those that have at least two steps. */
function longestAxis<Operands extends Views, Axis extends string>(
  engine: Reach,
  operands: Operands,
  axes: AxesOf<Operands, Axis>,
  written: readonly string[],
): { readonly axis: Axis; readonly steps: number } | undefined {
  for (const [name, view] of Object.entries(operands)) {
    if (view === null || fits(engine, bound(operands, written, name, view))) continue;
    let longest: { axis: Axis; steps: number; span: number } | undefined;
    axes[name].forEach((own, i) => {
      if (own === null) return;
      const steps = Math.ceil(view.shape[i] / stepOf(own));
      const span = view.shape[i] * view.strides[i];
      if (steps > 1 && span > (longest?.span ?? 0)) longest = { axis: nameOf(own), steps, span };
    });
    if (longest) return longest;
  }
  return undefined;
}

/** What must be bound for an operand. */
function bound(operands: Views, written: readonly string[], name: string, view: View<DType>): View<DType> {
  return Object.entries(operands).reduce((whole, [other, rival]) => {
    const isShared = rival && (written.includes(name) || written.includes(other)) && overlap(view, rival);
    return isShared ? span(whole, rival) : whole;
  }, view);
}

function nameOf<Axis extends string>(own: Axis | SteppedAxis<Axis>): Axis {
  return typeof own === "object" ? own.axis : own;
}

function stepOf(own: string | SteppedAxis<string>): number {
  return typeof own === "object" ? own.step : 1;
}

/** The last step of an axis may be a part of one. */
function narrowBySteps(view: View<DType>, axis: number, step: number, start: number, count: number): View<DType> {
  return narrow(view, axis, start * step, Math.min(count * step, view.shape[axis] - start * step));
}

/** Operands of one shape in parts: along any axis. */
export function partsOf<Operands extends Views>(
  engine: Reach,
  operands: Operands,
  written: readonly (keyof Operands & string)[],
): Part<Operands, string>[] {
  const axes = Object.entries(operands).map(([name, view]) => [name, view?.shape.map((_, axis) => String(axis)) ?? []]);
  return split(engine, operands, Object.fromEntries(axes) as AxesOf<Operands, string>, written);
}
