import type { Backend, CacheDType, Dense, PackedDType, View, WeightDType, WeightView } from "../contract/index.ts";
import { tensor } from "../core/create.ts";
import { PackedWeight } from "../core/packed-weight.ts";
import type { Weight } from "../core/packed-weight.ts";
import type { DType } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { encodeParts } from "../packed-parts.ts";
import { codecOf } from "../weight-codec.ts";
import { packedDTypes, partShapes, weightFormats } from "../weight-format.ts";
import type { Check } from "./case.ts";
import { numbers } from "./inputs.ts";
import type { Input } from "./inputs.ts";
import { array, reshape } from "./reference/array.ts";
import { weightElements } from "./reference/weights.ts";

/**
 * A weight as two inputs of a kernel, one behind the other, as their streams must be; `scales` is empty where the dtype has
 * none.
 */
export function weightInputs<D extends WeightDType>(
  dtype: D, shape: Shape,
): { values: Input<D extends "f32" ? "f32" : "i32">; scales: Input<"i32"> };
export function weightInputs(dtype: WeightDType, [rows, columns]: Shape): { values: Input; scales: Input<"i32"> } {
  const part = <D extends DType>(dtypeOfPart: D, shape: Shape, name: "values" | "scales"): Input<D> => ({
    dtype: dtypeOfPart,
    shape,
    layout: "offset",
    values: (stream) =>
      encodeParts(dtype, rows, columns, drawn([rows, columns], name === "values" ? stream : stream - 1))[name] ?? [],
  });
  const shapes = partShapes(dtype, [rows, columns]);
  return {
    values: part(dtype === "f32" ? "f32" : "i32", shapes.values, "values"),
    scales: part("i32", shapes.scales ?? [0], "scales"),
  };
}

/** What kernels take, of such inputs. */
export function weightView(
  dtype: WeightDType, shape: Shape, { values, scales }: { readonly values: View<DType>; readonly scales: Dense<"i32"> },
): WeightView {
  if (dtype === "f32") return { dtype, shape, values: values as View, scales: null };
  return { dtype, shape, values: values as Dense<"i32">, scales: hasScales(dtype) ? scales : null, codec: codecOf(dtype) };
}

/** Elements whose sizes differ from row to row, so that scales do. */
export function drawn(shape: Shape, stream: number): Float32Array {
  const [, columns] = shape;
  const row = (i: number): number => Math.floor(i / columns);
  return Float32Array.from(numbers(shape).values(stream), (value, i) => value * 2 ** -(row(i) % 5));
}

/** A weight `[…, columns]` with its elements. */
export function weightOf(dtype: WeightDType, shape: Shape, factor = 1) {
  const [rows, columns] = [sizeOf(shape.slice(0, -1)), shape[shape.length - 1]];
  const parts = encodeParts(dtype, rows, columns, drawn([rows, columns], 77).map((x) => x * factor));
  const { values, scales } = partShapes(dtype, [rows, columns]);
  const elements = weightElements(dtype, [rows, columns], array(values, parts.values), array(scales ?? [0], parts.scales ?? []));
  return {
    expected: reshape(elements, shape),
    /** Frees it right after its use: what needs it later has its own hold on it. */
    use<T>(backend: Backend, use: (weight: Weight) => T): T {
      const weight =
        parts.dtype === "f32" ? tensor(parts.values, { shape, backend }) : PackedWeight.fromParts(parts, { shape, backend });
      try {
        return use(weight);
      } finally {
        weight.dispose();
      }
    },
  };
}

/** A backend may take activations for codes of 16 bits where weights are codes too. */
export const toleranceOf = (dtype: WeightDType): number | undefined => (hasScales(dtype) ? 5e-5 : undefined);

export function hasScales(dtype: WeightDType): boolean {
  return weightFormats[dtype].scale !== "none";
}

/** The checks of each dtype that caches may have. */
export const eachCacheDType = (checks: (dtype: CacheDType) => readonly Check[]): [Check, ...Check[]] =>
  eachDType((dtype) => (isCacheDType(dtype) ? checks(dtype) : []));

function isCacheDType(dtype: WeightDType): dtype is CacheDType {
  return weightFormats[dtype].caches;
}

/** The checks of f32 and of each packed dtype. */
export const eachDType = (checks: (dtype: WeightDType) => readonly Check[]): [Check, ...Check[]] => {
  const [first, ...others] = eachPackedDType(checks);
  return [first, ...others, ...checks("f32")];
};

/** The checks of each packed dtype. */
export const eachPackedDType = (checks: (dtype: PackedDType) => readonly Check[]): [Check, ...Check[]] =>
  packedDTypes.flatMap((dtype) => checks(dtype).map((check) => ofPackedDType(dtype, check))) as [Check, ...Check[]];

/** A check of a packed dtype where the backend has it; elsewhere, that it is refused. */
export function ofPackedDType(dtype: PackedDType, check: Check): Check {
  return {
    ...check,
    run: (backend, capabilities) =>
      backend.packedDTypes.includes(dtype) ? check.run(backend, capabilities) : refuses(backend, dtype),
  };
}

async function refuses(backend: Backend, dtype: PackedDType): Promise<void> {
  try {
    PackedWeight.zeros(dtype, [1, 32], { backend }).dispose();
  } catch {
    return;
  }
  throw new Error(`weights are stored as ${dtype}, which is not among the backend's packedDTypes`);
}
