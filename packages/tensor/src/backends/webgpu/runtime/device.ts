import { TensorError } from "../../../errors.ts";

export interface DeviceOptions {
  /** Where to ask for an adapter. Default: the browser's `navigator.gpu`; in Node that of the npm package `webgpu`. */
  readonly gpu?: GPU;
  /** Which adapter to prefer where there are several. Default `high-performance`. */
  readonly powerPreference?: GPUPowerPreference;
}

/** What is used of the npm package `webgpu`, which brings Dawn to Node. */
interface Dawn {
  create(options: readonly string[]): GPU;
}

/** Timestamps that are not rounded, as browsers round them for privacy: most kernels take less than such a step. */
const dawnOptions = ["disable-dawn-features=timestamp_quantization"];

/** Optional features that kernels use where they are there. */
const usefulFeatures: readonly GPUFeatureName[] = ["timestamp-query"];

/** Keeps alive what a device came from: Dawn's would take the device with it. */
const origins = new WeakMap<GPUDevice, GPU>();

/** A device with all that its adapter allows. Throws `backend-failure` where there is none, and says what to do. */
export async function requestDevice({ gpu, powerPreference = "high-performance" }: DeviceOptions): Promise<GPUDevice> {
  const place = gpu ?? (await findGPU());
  const adapter = await place.requestAdapter({ powerPreference }).catch((cause: unknown) => {
    throw failure("the adapter was not found", cause);
  });
  if (!adapter) {
    throw new TensorError(
      "backend-failure",
      "webgpu: no adapter was found: this machine has no graphics driver that WebGPU can use (in Node on Linux, Vulkan " +
        "and a driver for it; in a browser, see chrome://gpu); use the backend `wasm` instead",
    );
  }
  const { limits } = adapter;
  try {
    const device = await adapter.requestDevice({
      label: "@gpt/tensor",
      requiredFeatures: usefulFeatures.filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      },
    });
    origins.set(device, place);
    return device;
  } catch (cause) {
    throw failure("the adapter gave no device", cause);
  }
}

function failure(what: string, cause: unknown): TensorError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new TensorError("backend-failure", `webgpu: ${what}: ${problem}; use the backend \`wasm\` instead`, { cause });
}

/** Who made an adapter, and what it is. */
export function describeAdapter({ vendor, architecture, description }: GPUAdapterInfo): string {
  return [vendor, architecture, description].filter(Boolean).join(" ") || "unknown";
}

/** The browser's WebGPU, or Node's. Throws `backend-failure` where there is none, and says what to do. */
export async function findGPU(): Promise<GPU> {
  const { gpu } = (globalThis as { navigator?: { gpu?: GPU } }).navigator ?? {};
  if (gpu) return gpu;
  const inNode = (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node !== undefined;
  if (!inNode) {
    throw new TensorError(
      "backend-failure",
      "webgpu: there is no WebGPU here: browsers have it on pages served by https or from localhost, in versions from " +
        "2023 to 2025 on; use the backend `wasm` instead",
    );
  }
  // Not written as a literal, so that bundlers do not look for an optional package.
  const name = "webgpu";
  try {
    const dawn = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as Dawn;
    return dawn.create(dawnOptions);
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
    const problem = isMissing
      ? "in Node this backend needs the npm package `webgpu`: run `npm install webgpu`"
      : `the npm package \`webgpu\` does not start on this machine: ${String(cause)}; install another version of it`;
    throw new TensorError("backend-failure", `webgpu: ${problem}, or use the backend \`wasm\``, { cause });
  }
}
