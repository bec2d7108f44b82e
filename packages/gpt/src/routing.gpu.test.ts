import { webgpu } from "@gpt/tensor/webgpu";
import { describeRouting } from "../test/routing.ts";

// GPUs may take subnormal numbers for 0.
describeRouting("webgpu", () => webgpu(), ["subnormal scores"]);
