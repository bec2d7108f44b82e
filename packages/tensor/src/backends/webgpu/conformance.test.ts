import { gpuEnvironment, gpuFlags as flags, onSwiftShader } from "@gpt/config/gpu";
import { describeReport, reportOfChromium, reportOfNode } from "../../../scripts/conformance/places.ts";
import type { Setup } from "../../../scripts/conformance/setup.ts";

/** SwiftShader flushes subnormal numbers; no adapter tells in time that an index is outside. GPUs differ. */
const setup: Setup = {
  backend: "webgpu",
  capabilities: onSwiftShader ? { subnormals: false, indexErrors: false } : "observed",
};

describeReport("in Node on Dawn", setup, async (setup) => reportOfNode(setup, { env: await gpuEnvironment() }));

describeReport("in a page of Chromium", setup, (setup) => reportOfChromium(setup, { thread: "page", flags }));

// A Worker differs from the page in how it comes to its device.
describeReport("in a Worker of Chromium", { ...setup, sample: !process.env.GPT_VERIFY }, (setup) =>
  reportOfChromium(setup, { thread: "worker", flags }),
);
