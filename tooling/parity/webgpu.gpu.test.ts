import { webgpu } from "@gpt/tensor/webgpu";
import { describeParity } from "./pytorch.ts";

// The others differ from these in what is done by JavaScript, not in kernels. Experts with biases and bounds are in gpt-oss.
const kernels = {
  models: ["gpt2", "llama-parts", "windows-and-sinks", "balanced-experts"],
  folders: ["bare", "gpt1", "llama", "gpt-oss-mxfp4"],
};

describeParity("webgpu", () => webgpu(), { streamed: ["llama"], ...(process.env.GPT_VERIFY ? {} : kernels) });
