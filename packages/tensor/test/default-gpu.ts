import { findGPU } from "../src/backends/webgpu/runtime/device.ts";

/** What every device of WebGPU allows, of what ours are asked to allow more of. */
const limits = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxComputeWorkgroupStorageSize: 2 ** 14,
};

/** The WebGPU that is here, as it were on a device which allows no more than all do. */
export async function defaultGPU(): Promise<GPU> {
  const gpu = await findGPU();
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) return adapter;
    const requestDevice = (descriptor?: GPUDeviceDescriptor) => adapter.requestDevice(descriptor);
    return { features: new Set<string>(), limits, requestDevice };
  };
  return { requestAdapter } as unknown as GPU;
}
