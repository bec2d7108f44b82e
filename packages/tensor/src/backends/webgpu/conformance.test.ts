import { gpuEnvironment, gpuFlags as flags, onSwiftShader } from "@gpt/config/gpu";
import { describeReport, reportOfChromium, reportOfNode } from "../../../scripts/conformance/places.ts";
import type { Setup } from "../../../scripts/conformance/setup.ts";

const long = Boolean(process.env.GPT_VERIFY);

/** SwiftShader flushes subnormal numbers; no adapter tells in time that an index is outside. GPUs differ. */
const setup: Setup = {
  backend: "webgpu",
  capabilities: onSwiftShader ? { subnormals: false, indexErrors: false } : "observed",
};

describeReport("in Node on Dawn", setup, async (setup) => reportOfNode(setup, { env: await gpuEnvironment() }));

describeReport("in a page of Chromium", setup, (setup) => reportOfChromium(setup, { thread: "page", flags }));

// A Worker differs from the page in how it comes to its device.
describeReport("in a Worker of Chromium", { ...setup, sample: !long }, (setup) =>
  reportOfChromium(setup, { thread: "worker", flags }),
);

// On a device that allows no more than all do. What one binding does not reach is cut, and one row beyond a binding is
// refused; the smaller they are, the more calls that is.
const maxBindingBytes = long ? 65_536 : 4096;
describeReport(
  `with the limits that all devices have, and bindings of ${maxBindingBytes} bytes`,
  { ...setup, limits: "default", options: { maxBindingBytes }, sample: !long },
  async (setup) => reportOfNode(setup, { env: await gpuEnvironment() }),
  {
    problem: new RegExp(`is beyond the ${maxBindingBytes} that this device gives to a kernel; use smaller batches`),
    count: long ? 4 : 1,
  },
);
