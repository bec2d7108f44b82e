import type { View } from "../../contract/index.ts";
import type { DType } from "../../dtype.ts";
import { u32 } from "./program.ts";
import type { Value } from "./program.ts";

/** How a kernel finds the elements of a view that come row-major. */
export interface Strided {
  /** How many axes are left after those that lie as one were joined. */
  readonly rank: number;
  readonly values: Readonly<Record<string, Value>>;
  /** WGSL of `place_name(i)`: where element `i` lies, from the view's first on. */
  readonly source: string;
}

export function strided(name: string, view: View<DType>): Strided {
  const axes = joinedAxes(view);
  if (axes.length === 0) return { rank: 0, values: {}, source: `fn place_${name}(i: u32) -> u32 { return 0u; }` };
  if (axes.length === 1 && axes[0].stride === 1) {
    return { rank: -1, values: {}, source: `fn place_${name}(i: u32) -> u32 { return i; }` };
  }
  const values: Record<string, Value> = {};
  const steps: string[] = [];
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    const { length, stride } = axes[axis];
    values[`${name}_stride${axis}`] = u32(stride);
    if (axis === 0) {
      steps.push(`place += rest * values.${name}_stride0;`);
    } else {
      values[`${name}_size${axis}`] = u32(length);
      steps.push(
        `place += (rest % values.${name}_size${axis}) * values.${name}_stride${axis};`,
        `rest /= values.${name}_size${axis};`,
      );
    }
  }
  const source = `fn place_${name}(i: u32) -> u32 {
  var rest = i;
  var place = 0u;
  ${steps.join("\n  ")}
  return place;
}`;
  return { rank: axes.length, values, source };
}

/** The axes of more than one element, those that lie as one joined. */
function joinedAxes({ shape, strides }: View<DType>): { length: number; stride: number }[] {
  const axes: { length: number; stride: number }[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue;
    const outer = axes.at(-1);
    if (outer && outer.stride === strides[axis] * shape[axis]) {
      axes[axes.length - 1] = { length: outer.length * shape[axis], stride: strides[axis] };
    } else {
      axes.push({ length: shape[axis], stride: strides[axis] });
    }
  }
  return axes;
}
