import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import type { GPT } from "@gpt/gpt";
import { expect } from "vitest";

/**
 * Trains a model where memory runs out: after no further buffer, after `step` more the next time, until there is enough. Each
 * time training must throw, and nothing be left.
 */
export async function expectFreedWhereverMemoryEnds(
  backend: Backend, makeModel: () => GPT, trainIt: (model: GPT) => Promise<unknown>, step = 1,
): Promise<void> {
  let room = Infinity;
  const small: Backend = {
    ...backend,
    allocate(byteLength) {
      if (room-- <= 0) throw new RangeError("no memory");
      return backend.allocate(byteLength);
    },
  };
  const before = backend.memory.liveBuffers;
  for (let failing = 0, done = false; !done; failing += step) {
    room = Infinity;
    const model = useBackend(small, makeModel);
    room = failing;
    const error: unknown = await trainIt(model).then(() => (done = true), (error: unknown) => error);
    if (!done) expect(error).toMatchObject({ message: "no memory" });
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(before);
  }
}
