import { webgpu } from "@gpt/tensor/webgpu";
import { describeParity } from "./pytorch.ts";

// The others differ from these in what is done by JavaScript, not in kernels.
const kernels = {
  models: ["gpt2", "post-norm", "llama-parts", "windows-and-sinks", "experts", "balanced-experts"],
  folders: ["bare", "gpt1", "llama", "gpt-oss-mxfp4"],
};

describeParity("webgpu", () => webgpu(), { streamed: ["llama"], ...(process.env.GPT_VERIFY ? {} : kernels) });
