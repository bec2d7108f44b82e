import type { View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import type { Shape, Strides } from "../../../shape.ts";
import { u32 } from "../runtime/program.ts";
import type { Value } from "../runtime/program.ts";

/** How a kernel finds the elements of views of one shape, which come row-major. */
export interface Strided {
  /** How many axes are left after those that lie as one in all views were joined: sources differ by it. */
  readonly rank: number;
  readonly values: Readonly<Record<string, Value>>;
  /** WGSL that declares `place_name` for each view: where element `i` lies, from the view's first on. */
  readonly source: string;
}

export function strided(views: Readonly<Record<string, View<DType>>>): Strided {
  const { shape, strides } = joinedAxes(Object.values(views));
  const names = Object.keys(views);
  const rank = shape.length;
  if (strides.every((own) => rank === 0 || (rank === 1 && own[0] === 1))) {
    return { rank: 0, values: {}, source: names.map((name) => `let place_${name} = i;`).join("\n  ") };
  }
  const values: Record<string, Value> = {};
  const lines = ["var rest = i;"];
  for (let axis = rank - 1; axis >= 0; axis--) {
    const isFirst = axis === 0;
    lines.push(`let i${axis} = rest${isFirst ? "" : ` % values.size${axis}`};`);
    if (isFirst) continue;
    values[`size${axis}`] = u32(shape[axis]);
    lines.push(`rest /= values.size${axis};`);
  }
  names.forEach((name, view) => {
    const terms = shape.map((_, axis) => {
      values[`${name}_stride${axis}`] = u32(strides[view][axis]);
      return `i${axis} * values.${name}_stride${axis}`;
    });
    lines.push(`let place_${name} = ${terms.join(" + ")};`);
  });
  return { rank, values, source: lines.join("\n  ") };
}

/** The axes of more than one element, and each view's strides; those that lie as one in all views joined. */
function joinedAxes(views: readonly View<DType>[]): { readonly shape: Shape; readonly strides: readonly Strides[] } {
  const shape: number[] = [];
  const strides: number[][] = views.map(() => []);
  views[0].shape.forEach((length, axis) => {
    if (length === 1) return;
    if (shape.length > 0 && views.every((view, i) => strides[i].at(-1) === view.strides[axis] * length)) {
      shape.push(length * (shape.pop() ?? 1));
      views.forEach((view, i) => strides[i].splice(-1, 1, view.strides[axis]));
    } else {
      shape.push(length);
      views.forEach((view, i) => strides[i].push(view.strides[axis]));
    }
  });
  return { shape, strides };
}
