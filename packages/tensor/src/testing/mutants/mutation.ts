import type { Backend, Dense, Kernels, View } from "../../contract/index.ts";
import type { DataOf, DType } from "../../dtype.ts";
import { denseStrides, sizeOf } from "../../shape.ts";

/** A kernel made subtly wrong, from the right one. */
export type Mutation<Kernel> = (kernel: Kernel, memory: Memory) => Kernel;
/** At least one mutation for each kernel of a family. */
export type MutantsOf<Family> = { readonly [K in keyof Family]: Readonly<Record<string, Mutation<Family[K]>>> };

/** What mutations read and write, at once. */
export interface Memory {
  readonly read: <D extends DType>(view: Dense<D>) => DataOf<D>;
  readonly write: <D extends DType>(view: Dense<D>, values: DataOf<D>) => void;
}

/** A backend with one kernel replaced by a mutation of it. */
export function mutate<K extends keyof Kernels>(backend: Backend, kernel: K, mutation: Mutation<Required<Kernels>[K]>): Backend {
  const memory: Memory = {
    read(view) {
      if (!backend.readSync) throw new Error("mutants need a backend that can be read synchronously");
      return backend.readSync(view);
    },
    write: (view, values) => backend.write(view, values),
  };
  const original = backend.kernels[kernel] as Required<Kernels>[K] | undefined;
  if (!original) throw new Error(`${backend.name} has no kernel ${kernel}`);
  return {
    ...backend,
    kernels: { ...backend.kernels, [kernel]: mutation(original, memory) },
    get memory() {
      return backend.memory;
    },
  };
}

export type Change = (value: number, i: number) => number;

/** Changes every element of a dense view. */
export function alter({ read, write }: Memory, view: Dense, change: Change): void {
  if (sizeOf(view.shape) > 0) write(view, read(view).map(change));
}

/** The row of a matrix in which element `i` is. */
export function rowOf(matrix: Float32Array, i: number, width: number): Float32Array {
  const start = i - (i % width);
  return matrix.subarray(start, start + width);
}

/** Scales by a little more than the tolerance. */
export function slightly(value: number): number {
  return value * (1 + 1e-5);
}

/** A view as if it had no gaps. */
export function denseAt<D extends DType>(view: View<D>): View<D> {
  return { ...view, strides: denseStrides(view.shape) };
}

/** Overwrites what the kernel should read first, where output and input are one. */
export function clear(memory: Memory, out: Dense, ...inputs: readonly View[]): void {
  if (inputs.some(({ buffer }) => buffer === out.buffer)) alter(memory, out, () => 0);
}
