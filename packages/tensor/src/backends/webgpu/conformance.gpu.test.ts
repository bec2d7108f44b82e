import { gpuFlags } from "@gpt/testing/gpu";
import { describeConformance } from "../../../test/conformance/describe.ts";
import { inChromium, inNode } from "../../../test/conformance/places.ts";
import { onGPU } from "../../../test/conformance/setups.ts";

const all = Boolean(process.env.GPT_VERIFY ?? process.env.GPT_GPU);

// Mostly in one place: the others differ in how they come to their device, not in what it computes.
describeConformance("webgpu, in Node on Dawn", { ...onGPU, sample: all ? undefined : "eighth" }, inNode());

const first = { ...onGPU, sample: all ? undefined : "first" } as const;
describeConformance("webgpu, in a page of Chromium", first, inChromium("page", gpuFlags));

// The playground's tests compute in a Worker every time.
if (all) describeConformance("webgpu, in a Worker of Chromium", first, inChromium("worker", gpuFlags));

describeConformance("webgpu, without fused kernels", { ...first, composed: true }, inNode());

/** A row of scores is looked at as a whole. */
const longRows: Readonly<Record<number, readonly string[]>> = {
  4096: ["7 of [3, 1030], dense", "the values of 7 of [3, 1030], dense", "the values of 7 of [3, 1030], dense, gradient"].map((name) => `topK: ${name}`),
};

// Work that one binding does not reach is done in parts. The smaller bindings are, the more calls that takes.
for (const maxBindingBytes of all ? [65_536, 4096, 1024] : [1024]) {
  describeConformance(
    `webgpu, with the limits that all devices have, and bindings of ${maxBindingBytes} bytes`,
    { ...onGPU, limits: "default", options: { maxBindingBytes }, sample: maxBindingBytes > 1024 ? undefined : "large" },
    inNode(),
    {
      problem: new RegExp(`is beyond the ${maxBindingBytes} that this device gives to a kernel; use smaller batches`),
      cases: longRows[maxBindingBytes] ?? [],
    },
  );
}
