import { webgpu } from "../../src/backends/webgpu/index.ts";
import type { WebGPUBackend, WebGPUOptions } from "../../src/backends/webgpu/index.ts";
import { findGPU } from "../../src/backends/webgpu/runtime/device.ts";
import type { Dense, View } from "../../src/contract/index.ts";

/** Whether to look for long: as in all tests, but not in browsers. */
export const isLong = (globalThis as { process?: { env: NodeJS.ProcessEnv } }).process?.env.GPT_VERIFY === "1";

/** WebGPU that shows each device that it gives to `see`, before anything is done with it. */
export async function seenGPU(see: (device: GPUDevice) => void, hidden: readonly GPUFeatureName[] = []): Promise<GPU> {
  const gpu = await findGPU();
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return adapter;
    const requestDevice = async (descriptor?: GPUDeviceDescriptor) => {
      const device = await adapter.requestDevice(descriptor);
      see(device);
      return device;
    };
    const features = new Set([...adapter.features].filter((name) => !hidden.some((other) => other === name)));
    return { features, limits: adapter.limits, requestDevice };
  };
  return { requestAdapter } as unknown as GPU;
}

/** A backend, and its device behind its back. */
export async function startSeen(options: WebGPUOptions = {}): Promise<{ backend: WebGPUBackend; device: GPUDevice }> {
  let device: GPUDevice | undefined;
  const backend = await webgpu({ ...options, gpu: await seenGPU((given) => (device = given)) });
  if (!device) throw new Error("no device was asked for");
  return { backend, device };
}

export function vector(buffer: number, length: number, offset = 0): Dense {
  return { buffer, offset, shape: [length], strides: [1], dtype: "f32" };
}

export function matrix(buffer: number, rows: number, columns: number, offset = 0): View {
  return { buffer, offset, shape: [rows, columns], strides: [columns, 1], dtype: "f32" };
}

/** What an error says, of those that are this package's; another one stays in the way. */
export function described(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) throw error;
  return `${String(error.code)}: ${error.message}`;
}

/** What a call throws, or what a promise rejects with. */
export async function failureOf(use: () => unknown): Promise<string> {
  try {
    await use();
  } catch (error) {
    return described(error);
  }
  return "none";
}

/** Turns of the event loop, in which a device tells what it found wrong. */
export function pause(milliseconds = 100): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
