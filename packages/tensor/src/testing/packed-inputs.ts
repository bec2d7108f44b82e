import type { Backend, WeightFormat } from "../contract/index.ts";
import { PackedWeight } from "../core/packed-weight.ts";
import type { Shape } from "../shape.ts";
import { encodeWeight, partShapes, weightFormats } from "../weight-format.ts";
import type { Capabilities, Check } from "./case.ts";
import { numbers } from "./inputs.ts";
import type { Input } from "./inputs.ts";

/**
 * The parts of a packed matrix as two inputs of a kernel, one behind the other, as their streams must be; `scales` is empty
 * where the format has none.
 */
export function parts(format: WeightFormat, shape: Shape): { values: Input<"i32">; scales: Input<"i32"> } {
  const part = (of: Shape | undefined, name: "values" | "scales"): Input<"i32"> => ({
    dtype: "i32",
    shape: of ?? [0],
    layout: "offset",
    values: (stream) => encodeWeight(format, shape, drawn(shape, name === "values" ? stream : stream - 1))[name] ?? [],
  });
  const shapes = partShapes(format, shape);
  return { values: part(shapes.values, "values"), scales: part(shapes.scales, "scales") };
}

/** Elements whose sizes differ from row to row, so that scales do. */
export function drawn(shape: Shape, stream: number): Float32Array {
  const [, columns] = shape;
  const row = (i: number): number => Math.floor(i / columns);
  return Float32Array.from(numbers(shape).values(stream), (value, i) => value * 2 ** -(row(i) % 5));
}

export function hasScales(format: WeightFormat): boolean {
  return partShapes(format, [1, 1]).scales !== undefined;
}

/** The checks of each format that the backend has; of the others, that they are refused. */
export const eachFormat = (checks: (format: WeightFormat) => readonly Check[]): [Check, ...Check[]] => {
  const all = weightFormats.flatMap((format) =>
    checks(format).map((check) => ({
      ...check,
      run: (backend: Backend, capabilities: Capabilities) =>
        backend.weightFormats.includes(format) ? check.run(backend, capabilities) : refuses(backend, format),
    })),
  );
  return all as [Check, ...Check[]];
};

async function refuses(backend: Backend, format: WeightFormat): Promise<void> {
  try {
    PackedWeight.zeros(format, [1, 32], { backend }).dispose();
  } catch {
    return;
  }
  throw new Error(`weights are stored as ${format}, which is not among the backend's weightFormats`);
}
