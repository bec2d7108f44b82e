import { expect, test } from "vitest";
import { failureOf } from "./failure.ts";

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

const page = { initial: 1 };

test("what the browser has no memory for is said to be that, and other errors are not", () => {
  for (const work of [
    () => new ArrayBuffer(2 ** 52), () => new Float32Array(2 ** 52), () => new WebAssembly.Memory({ ...page, maximum: 2 }).grow(2),
  ]) expect(failureOf(thrown(work))).toMatchObject({ code: "out-of-memory" });
  for (const message of ["Out of memory", "WebAssembly.Memory(): could not allocate memory"]) expect(failureOf(new RangeError(message)).code).toBe("out-of-memory");
  const deep = (): unknown => deep();
  for (const work of [deep, () => (1).toFixed(1000), () => { throw new TypeError("x is not a function"); }]) {
    expect(failureOf(thrown(work))).toMatchObject({ code: "unexpected" });
  }
});
