import { TensorError } from "./errors.ts";

/** What a backend throws where an id is outside the table of `gatherRows`. */
export function idOutOfRange(op: string, id: number, position: number, entries: number): TensorError {
  return new TensorError(
    "index-out-of-range",
    `${op}: id ${id} at position ${position} is outside the table's ${entries} entries (0 to ${entries - 1})`,
  );
}

/** What a backend throws where a target of the kernel `crossEntropy` is outside the classes. */
export function targetOutOfRange(
  op: string, target: number, position: number, classes: number, ignoreIndex: number,
): TensorError {
  return new TensorError(
    "index-out-of-range",
    `${op}: target ${target} at position ${position} is outside the ${classes} classes ` +
      `(0 to ${classes - 1}) and not the ignored index ${ignoreIndex}`,
  );
}
