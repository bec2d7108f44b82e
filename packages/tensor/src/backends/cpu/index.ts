import type { Backend, Dense, FusedKernels, RequiredKernels } from "../../contract/index.ts";
import type { DataOf, DType } from "../../dtype.ts";
import { inspectable } from "../../inspect.ts";
import { packedDTypes } from "../../weight-format.ts";
import { attention } from "./kernels/attention.ts";
import { elementwise } from "./kernels/elementwise.ts";
import { gated } from "./kernels/gated.ts";
import { grouped } from "./kernels/grouped.ts";
import { indexing } from "./kernels/indexing.ts";
import { loss } from "./kernels/loss.ts";
import { matmul } from "./kernels/matmul.ts";
import { Memory } from "./memory.ts";
import { normalization } from "./kernels/normalization.ts";
import { optimizer } from "./kernels/optimizer.ts";
import { random } from "./kernels/random.ts";
import { reduce } from "./kernels/reduce.ts";
import { rotary } from "./kernels/rotary.ts";
import { sampling } from "./kernels/sampling.ts";
import { topK } from "./kernels/top-k.ts";
import { weights } from "./kernels/weights.ts";

/**
 * The reference backend: plain JavaScript on typed arrays, written to be read. Sums are taken in float64 and stored
 * as f32. It runs everywhere and needs nothing; for speed use `wasm`.
 */
export async function cpu(): Promise<Backend> {
  const memory = new Memory();
  const readSync = <D extends DType>(view: Dense<D>): DataOf<D> => memory.dense(view).slice() as DataOf<D>;
  return inspectable({
    name: "cpu",
    kernels: {
      ...elementwise(memory),
      ...reduce(memory),
      ...matmul(memory),
      ...indexing(memory),
      ...normalization(memory),
      ...attention(memory),
      ...loss(memory),
      ...optimizer(memory),
      ...random(memory),
      ...sampling(memory),
      ...weights(memory),
      ...rotary(memory),
      ...gated(memory),
      ...topK(memory),
      ...grouped(memory),
    } satisfies RequiredKernels & FusedKernels,
    packedDTypes,
    get memory() {
      return memory.use;
    },
    allocate: (byteLength) => memory.allocate(byteLength),
    free: (buffer) => memory.free(buffer),
    write: (view, data) => memory.dense(view).set(data),
    read: async (view) => readSync(view),
    readSync,
    dispose: () => memory.dispose(),
  }, "cpu");
}
