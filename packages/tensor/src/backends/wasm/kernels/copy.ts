import { bytesPerElement } from "../../../dtype.ts";
import { sizeOf } from "../../../shape.ts";
import type { Shape, Strides } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for an element. */
const time = 0.5;
/** Elements of a cache line. */
const lineElements = 16;

/** An axis of a copy, steps in bytes. */
interface CopyAxis {
  length: number;
  fromStep: number;
  toStep: number;
}

/** Copies between any two layouts of one shape; a stride of 0 in the source repeats an element. */
export function copyElements(
  engine: Engine, shape: Shape, from: number, fromStrides: Strides, to: number, toStrides: Strides,
): void {
  if (sizeOf(shape) === 0) return;
  const axes = mergeAxes(shape, fromStrides, toStrides);
  while (axes.length < 3) axes.unshift({ length: 1, fromStep: 0, toStep: 0 });
  copyAxes(engine, axes, from, to);
}

function copyAxes(engine: Engine, axes: readonly CopyAxis[], from: number, to: number): void {
  if (axes.length === 3) {
    copyThree(engine, axes, from, to);
    return;
  }
  const [{ length, fromStep, toStep }, ...inner] = axes;
  for (let i = 0; i < length; i++) copyAxes(engine, inner, from + i * fromStep, to + i * toStep);
}

/** Copies along three axes, of which threads share the longest. */
function copyThree(engine: Engine, axes: readonly CopyAxis[], from: number, to: number): void {
  const longest = axes.reduce((best, axis) => (axis.length > best.length ? axis : best));
  const others = axes.reduce((product, axis) => (axis === longest ? product : product * axis.length), 1);
  const multiple = longest === axes[2] ? lineElements : 1;
  engine.divide(longest.length, { time: others * time, multiple }, (start, count) => {
    const [a, b, c] = axes.map((axis) => (axis === longest ? { ...axis, length: count } : axis));
    return [
      "copyStrided", from + start * longest.fromStep, a.fromStep, b.fromStep, c.fromStep,
      to + start * longest.toStep, a.toStep, b.toStep, c.toStep, a.length, b.length, c.length,
    ];
  });
}

/** The axes of a copy, without those of length 1, and with neighbours joined where both sides allow it. */
function mergeAxes(shape: Shape, fromStrides: Strides, toStrides: Strides): CopyAxis[] {
  const axes: CopyAxis[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis];
    if (length === 1) continue;
    const fromStep = fromStrides[axis] * bytesPerElement;
    const toStep = toStrides[axis] * bytesPerElement;
    const outer = axes.at(-1);
    if (outer && outer.fromStep === fromStep * length && outer.toStep === toStep * length) {
      outer.length *= length;
      outer.fromStep = fromStep;
      outer.toStep = toStep;
    } else {
      axes.push({ length, fromStep, toStep });
    }
  }
  return axes;
}
