import type { TestProject } from "vitest/node";
import { gpuEnvironment } from "./gpu.ts";

/** Found once for all projects, each of which loads this module anew: it takes a start of the browser. */
const found = globalThis as { gpuEnvironment?: ReturnType<typeof gpuEnvironment> };

/** Starts the processes of a project's tests in an environment in which Dawn finds its driver: they may use WebGPU. */
export default async function setup({ config }: TestProject): Promise<void> {
  config.env = { ...config.env, ...(await (found.gpuEnvironment ??= gpuEnvironment())) };
}
