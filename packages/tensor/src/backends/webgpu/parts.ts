import type { Dense, View } from "../../contract/index.ts";
import type { DType } from "../../dtype.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { endOf } from "./program.ts";

/** What there is to know of an engine here. */
export type Reach = Pick<Engine, "maxBindingElements">;

/** Elements by which the start of a binding may be in front of a view. */
const slack = 64;

/** Whether one binding reaches all of a view. */
export function fits(engine: Reach, view: View<DType>): boolean {
  return endOf(view) - view.offset + slack <= engine.maxBindingElements;
}

/** The same memory with another layout. Views may be tensors, whose properties do not spread. */
export function relaid<D extends DType>(
  view: View<D>,
  layout: Partial<Pick<View, "offset" | "shape" | "strides">>,
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

/**
 * Views of one shape, cut along the same axes into parts that bindings reach: mostly there is one part, which is all.
 */
export function partsOf(engine: Reach, views: readonly View<DType>[]): (readonly View<DType>[])[] {
  if (views.every((view) => fits(engine, view))) return [views];
  const { shape } = views[0];
  const axis = shape.findIndex((length) => length > 1);
  const half = shape[axis] >> 1;
  return [
    ...partsOf(engine, views.map((view) => narrow(view, axis, 0, half))),
    ...partsOf(engine, views.map((view) => narrow(view, axis, half, shape[axis] - half))),
  ];
}

/**
 * Operands of as many rows each, cut into parts that bindings reach, or into single rows: mostly there is one part,
 * which is all. What is absent stays so.
 */
export function rowsOf<Operands extends Readonly<Record<string, View<DType> | null>>>(
  engine: Reach,
  operands: Operands,
): Operands[] {
  const views = Object.values(operands).filter((view) => view !== null);
  const [rows] = views[0].shape;
  if (rows < 2 || views.every((view) => fits(engine, view))) return [operands];
  const half = rows >> 1;
  const part = (start: number, count: number): Operands => {
    const cut = Object.entries(operands).map(([name, view]) => [name, view && narrow(view, 0, start, count)]);
    return Object.fromEntries(cut) as Operands;
  };
  return [...rowsOf(engine, part(0, half)), ...rowsOf(engine, part(half, rows - half))];
}

/** Some rows of a dense matrix, the first of which is its row `start`. */
export interface RowPart {
  readonly view: Dense;
  readonly start: number;
}

/** A dense matrix as parts that bindings reach. */
export function rowParts(engine: Reach, view: Dense): RowPart[] {
  let start = 0;
  return rowsOf(engine, { view }).map((part) => {
    const [rows] = part.view.shape;
    start += rows;
    return { view: part.view, start: start - rows };
  });
}

/** Each part of the one with each of the other: what a kernel is called for that goes through both. */
export function pairs<A extends object, B extends object>(some: readonly A[], others: readonly B[]): (A & B)[] {
  return some.flatMap((one) => others.map((other) => ({ ...one, ...other })));
}
