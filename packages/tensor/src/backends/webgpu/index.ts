import type { Backend, Kernels } from "../../contract/index.ts";
import { inspectable } from "../../inspect.ts";
import { packedDTypes } from "../../weight-format.ts";
import { attention } from "./kernels/attention.ts";
import { describeAdapter, requestDevice } from "./runtime/device.ts";
import type { DeviceOptions } from "./runtime/device.ts";
import { elementwise } from "./kernels/elementwise.ts";
import { Engine } from "./runtime/engine.ts";
import type { EngineOptions, GPUWork } from "./runtime/engine.ts";
import { gated } from "./kernels/gated.ts";
import { grouped } from "./kernels/grouped.ts";
import { indexing } from "./kernels/indexing.ts";
import { loss } from "./kernels/loss.ts";
import { matmul } from "./kernels/matmul.ts";
import { normalization } from "./kernels/normalization.ts";
import { optimizer } from "./kernels/optimizer.ts";
import type { KernelTime } from "./runtime/profiler.ts";
import { random } from "./kernels/random.ts";
import { reduce } from "./kernels/reduce.ts";
import { rotary } from "./kernels/rotary.ts";
import { sampling } from "./kernels/sampling.ts";
import { topK } from "./kernels/top-k.ts";
import { weights } from "./kernels/weights.ts";

export type { GPUWork } from "./runtime/engine.ts";
export type { KernelTime } from "./runtime/profiler.ts";

/** How the device is chosen, and what is measured on it. */
export interface WebGPUOptions extends DeviceOptions, EngineOptions {}

/** A backend on a GPU, and what it did. */
export interface WebGPUBackend extends Backend {
  readonly kernels: Required<Kernels>;
  /** How many kernels were called, command buffers submitted, and tensors read, since it was started. */
  readonly work: GPUWork;
  /** The adapter, for people. */
  readonly adapter: string;
  /** Bytes of the largest buffer that the device lends. */
  readonly maxBufferBytes: number;
  /**
   * Waits for all that was recorded, and returns the time on the device of each kernel since the last call, the longest
   * first. Nothing, unless started with `profile`, which slows everything down a little. Browsers round each time to
   * 0.1 ms or so.
   */
  profile(): Promise<KernelTime[]>;
}

/**
 * The backend for GPUs: in browsers by `navigator.gpu`, in a page or a Worker, in Node by the npm package `webgpu`, which
 * is to be installed beside this one. Ops are recorded and run later; tensors are read by `await tensor.data()`. Throws
 * `backend-failure` where there is no WebGPU, and says what to do.
 */
export async function webgpu(options: WebGPUOptions = {}): Promise<WebGPUBackend> {
  const device = await requestDevice(options);
  const engine = startEngine(device, options);
  const adapter = describeAdapter(device.adapterInfo);
  return inspectable({
    name: "webgpu",
    kernels: {
      ...elementwise(engine),
      ...reduce(engine),
      ...matmul(engine),
      ...indexing(engine),
      ...normalization(engine),
      ...rotary(engine),
      ...gated(engine),
      ...topK(engine),
      ...grouped(engine, elementwise(engine), indexing(engine)),
      ...attention(engine),
      ...loss(engine),
      ...optimizer(engine),
      ...random(engine),
      ...sampling(engine),
      ...weights(engine),
    },
    packedDTypes,
    get memory() {
      return engine.use;
    },
    get work() {
      return engine.work;
    },
    adapter,
    maxBufferBytes: device.limits.maxBufferSize,
    profile: () => engine.profile(),
    allocate: (byteLength) => engine.allocate(byteLength),
    free: (buffer) => engine.free(buffer),
    write: (view, data) => engine.write(view, data),
    read: (view) => engine.read(view),
    dispose: () => engine.dispose(),
  }, `webgpu, ${adapter}`);
}

function startEngine(device: GPUDevice, options: EngineOptions): Engine {
  try {
    return new Engine(device, options);
  } catch (cause) {
    device.destroy();
    throw cause;
  }
}
