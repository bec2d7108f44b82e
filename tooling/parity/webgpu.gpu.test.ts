import { webgpu } from "@gpt/tensor/webgpu";
import { describeParity } from "./pytorch.ts";

describeParity("webgpu", () => webgpu());
