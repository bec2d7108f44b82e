import type { TestProject } from "vitest/node";
import { gpuEnvironment } from "./gpu.ts";

/** Starts the processes of a project's tests in an environment in which Dawn finds its driver: they may use WebGPU. */
export default async function setup({ config }: TestProject): Promise<void> {
  config.env = { ...config.env, ...(await gpuEnvironment()) };
}
