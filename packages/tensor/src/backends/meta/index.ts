import type { Backend, Kernels, MemoryUse } from "../../contract/index.ts";
import { TensorError } from "../../errors.ts";
import { inspectable } from "../../inspect.ts";
import { packedDTypes } from "../../weight-format.ts";

/**
 * A backend for planning, as PyTorch's device `meta`: its tensors have shapes and no values. Nothing is allocated and nothing
 * computed, and `memory` counts the bytes that another backend would hold. Reading a tensor throws `no-values`. It needs no
 * start, so there is nothing to wait for.
 *
 * ```ts
 * const plan = meta();
 * useBackend(plan, () => new GPT(preset("gpt3-175b")));
 * console.log(plan.memory.liveBytes); // 698,412,859,392
 * ```
 */
export function meta(): Backend {
  const sizes = new Map<number, number>();
  const memory = { liveBuffers: 0, liveBytes: 0, peakBytes: 0 };
  let last = 0;
  return inspectable({
    name: "meta",
    isMeta: true,
    kernels,
    packedDTypes,
    get memory(): MemoryUse {
      return { ...memory };
    },
    allocate(byteLength) {
      sizes.set(++last, byteLength);
      memory.liveBuffers++;
      memory.liveBytes += byteLength;
      memory.peakBytes = Math.max(memory.peakBytes, memory.liveBytes);
      return last;
    },
    free(buffer) {
      memory.liveBytes -= sizes.get(buffer) ?? 0;
      if (sizes.delete(buffer)) memory.liveBuffers--;
    },
    write() {},
    async read() {
      throw new TensorError("no-values", "a tensor of the backend meta has a shape and no values; use another backend to compute some");
    },
    dispose() {
      sizes.clear();
      memory.liveBuffers = memory.liveBytes = 0;
    },
  }, "meta");
}

/** Every kernel there is, and none does anything. */
const kernels = new Proxy({}, { get: () => () => undefined }) as Kernels;
