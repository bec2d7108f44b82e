import { gpuFlags } from "@gpt/config/gpu";
import { describeConformance } from "../../../scripts/conformance/describe.ts";
import { inChromium, inNode } from "../../../scripts/conformance/places.ts";
import { onGPU } from "../../../scripts/conformance/setups.ts";

const all = Boolean(process.env.GPT_VERIFY);

// In full in one place: the others differ in how they come to their device, not in what it computes.
describeConformance("webgpu, in Node on Dawn", onGPU, inNode());

describeConformance("webgpu, in a page of Chromium", { ...onGPU, sample: !all }, inChromium("page", gpuFlags));

describeConformance("webgpu, in a Worker of Chromium", { ...onGPU, sample: !all }, inChromium("worker", gpuFlags));

// What one binding does not reach is cut into parts, and one row beyond a binding is refused. The smaller they are, the
// more calls that is.
const maxBindingBytes = all ? 65_536 : 4096;
describeConformance(
  `webgpu, with the limits that all devices have, and bindings of ${maxBindingBytes} bytes`,
  { ...onGPU, limits: "default", options: { maxBindingBytes }, sample: !all },
  inNode(),
  {
    problem: new RegExp(`is beyond the ${maxBindingBytes} that this device gives to a kernel; use smaller batches`),
    cases: [],
  },
);
