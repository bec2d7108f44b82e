import { describe, test } from "vitest";
import { describeConformance } from "../../../../test/conformance/describe.ts";
import { inThisProcess } from "../../../../test/conformance/places.ts";
import { nativeObstacle } from "../../../../test/native.ts";

const all = Boolean(process.env.GPT_VERIFY);

if (nativeObstacle !== undefined) {
  describe("native", () => test.skip(`is not tested here: ${nativeObstacle}`, () => undefined));
} else {
  // The kernels beside products are those of `wasm`, which runs in full.
  for (const threads of [1, 2, 3]) {
    const sample = threads === 2 ? "eighth" : "first";
    const setup = { backend: "native", options: { threads }, sample: all ? undefined : sample } as const;
    describeConformance(`native, threads: ${threads}`, setup, inThisProcess);
  }
  describeConformance("native, plain SIMD", { backend: "native", options: { threads: 2, build: "simd" }, sample: "first" }, inThisProcess);
}
