import { webgpu } from "@gpt/tensor/webgpu";
import { describeRouting } from "../test/routing.ts";

const all = Boolean(process.env.GPT_VERIFY ?? process.env.GPT_GPU);

// GPUs may take subnormal numbers for 0.
describeRouting("webgpu", () => webgpu(), { except: ["subnormal scores"], isBrief: !all });
