import { webgpu } from "@gpt/tensor/webgpu";
import { describeParity } from "./pytorch.ts";

// The other models differ from these in what is done by JavaScript, not in kernels.
const kernels = ["gpt2", "post-norm", "llama-parts", "windows-and-sinks", "experts"];

describeParity("webgpu", () => webgpu(), process.env.GPT_VERIFY ? undefined : kernels);
