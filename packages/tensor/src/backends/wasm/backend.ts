import type { Backend, Kernels } from "../../contract/index.ts";
import { TensorError } from "../../errors.ts";
import { inspectable } from "../../inspect.ts";
import { packedDTypes } from "../../weight-format.ts";
import { attention } from "./kernels/attention.ts";
import { checkSupport, startKernels, supportedBuild } from "./runtime/build.ts";
import type { StartedKernels, WasmBuild } from "./runtime/build.ts";
import { elementwise } from "./kernels/elementwise.ts";
import { createMemory, Engine } from "./runtime/engine.ts";
import type { EngineOptions } from "./runtime/engine.ts";
import type { ProductProvider } from "./runtime/provider.ts";
import { gated } from "./kernels/gated.ts";
import { grouped } from "./kernels/grouped.ts";
import { indexing } from "./kernels/indexing.ts";
import { loss } from "./kernels/loss.ts";
import { matmul } from "./kernels/matmul.ts";
import { normalization } from "./kernels/normalization.ts";
import { optimizer } from "./kernels/optimizer.ts";
import { random } from "./kernels/random.ts";
import { reduce } from "./kernels/reduce.ts";
import { rotary } from "./kernels/rotary.ts";
import { availableThreads, obstacleToThreads } from "./runtime/threading.ts";
import { sampling } from "./kernels/sampling.ts";
import { topK } from "./kernels/top-k.ts";
import { ThreadPool } from "./runtime/thread-pool.ts";
import { weights } from "./kernels/weights.ts";

export interface WasmOptions {
  /**
   * How many threads compute, the calling one included; results are the same for any number. Default: one for each core
   * where threads can share memory, which is in Node, Bun and Deno, and in a Worker of a page that is cross-origin
   * isolated, and where workers start; elsewhere 1, and `obstacle` of the backend tells why. With 1 no worker is started.
   */
  readonly threads?: number;
  /** Which build to run. Default: `supportedBuild()`. */
  readonly build?: WasmBuild;
  /**
   * Where to fetch the compiled kernels of the build from, `wasm-relaxed.wasm` or `wasm-simd.wasm` of this package,
   * instead of taking them from inside the script.
   */
  readonly wasmUrl?: string | URL;
  /**
   * Where to fetch the workers' script from, `wasm-worker.js` of this package, instead of taking it from inside this
   * one: for pages whose content security policy does not allow `worker-src blob:`.
   */
  readonly workerUrl?: string | URL;
  /**
   * Whether this process was started with V8's experimental `--experimental-wasm-revectorize` (Node 24 or newer, x64),
   * which fuses pairs of vectors into vectors of 256 bits: then products use tiles that are made for it. Results are the
   * same bits with and without. Default false.
   */
  readonly revectorized?: boolean;
}

/** More are a mistake: each takes some megabytes. */
const maxThreads = 256;

/** What the backend `wasm` has beside what all backends have. */
export interface WasmBackend extends Backend {
  readonly kernels: Required<Kernels>;
  /** How many threads compute, the calling one included. */
  readonly threads: number;
  /** Why it is one thread, though nothing was said of threads; undefined where all that the machine has compute. */
  readonly obstacle: string | undefined;
}

/** What only parts of this package choose: see `EngineOptions`. */
export type StartOptions = Pick<EngineOptions, "minPart" | "products">;

/** See `wasm`. */
export async function startBackend(options: WasmOptions, { minPart, products }: StartOptions = {}): Promise<WasmBackend> {
  const { build = supportedBuild(), revectorized } = options;
  checkSupport(build);
  const { kernels, pool, obstacle } = await startThreads(build, options, products);
  const engine = new Engine(kernels, pool, { minPart, revectorized, products });
  const threads = pool?.threads ?? 1;
  const kind = engine.wasm.relaxed.value ? "relaxed" : "simd";
  // How products are cut, and so their last bits, depends on threads where a library makes them.
  const name = products ? `native-${kind} (${products.name}, ${formatThreads(threads)})` : `wasm-${kind}`;
  return inspectable({
    name,
    threads,
    obstacle,
    kernels: {
      ...elementwise(engine),
      ...reduce(engine),
      ...matmul(engine),
      ...grouped(engine, weights(engine), matmul(engine)),
      ...indexing(engine),
      ...normalization(engine),
      ...rotary(engine),
      ...gated(engine),
      ...topK(engine),
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
    allocate: (byteLength) => engine.allocate(byteLength),
    free: (buffer) => engine.free(buffer),
    write: (view, data) => engine.write(view, data),
    read: async (view) => engine.read(view),
    readSync: (view) => engine.read(view),
    dispose: () => engine.dispose(),
  }, products ? name : `${name}, ${formatThreads(threads)}`);
}

function formatThreads(threads: number): string {
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

interface Threads extends Pick<WasmBackend, "obstacle"> {
  readonly kernels: StartedKernels;
  readonly pool?: ThreadPool;
}

/**
 * Starts the kernels and the workers that were asked for. By default as many as there are cores, or none where the place
 * does not allow them, for a reason that only shows when they are started: a content security policy, memory that cannot
 * be shared, no workers within workers.
 */
async function startThreads(
  build: WasmBuild, { threads, wasmUrl, workerUrl }: WasmOptions, products: ProductProvider | undefined,
): Promise<Threads> {
  const start = async (isShared: boolean): Promise<StartedKernels> => {
    const kernels = await startKernels(build, wasmUrl, createMemory(isShared));
    if (!products) return kernels;
    const { kernels: own, added } = products.kernelsOn(kernels.exports, kernels.memory);
    return { ...kernels, exports: { ...kernels.exports, ...own }, added };
  };
  const alone = async (obstacle?: string): Promise<Threads> => ({ kernels: await start(false), obstacle });
  const together = async (threads: number): Promise<Threads> => {
    const kernels = await start(true);
    return { kernels, pool: await ThreadPool.start(kernels, { threads, workerUrl }), obstacle: undefined };
  };
  if (threads === undefined) {
    const obstacle = obstacleToThreads();
    const best = Math.min(availableThreads(), maxThreads);
    if (obstacle !== undefined || best === 1) return alone(obstacle);
    try {
      return await together(best);
    } catch (error) {
      // Where it lies with the kernels or with a worker's script that was asked for, this throws as well.
      if (workerUrl !== undefined) throw error;
      return alone((error as Error).message);
    }
  }
  checkThreads(threads);
  return threads === 1 ? alone() : together(threads);
}

function checkThreads(wanted: number): void {
  if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > maxThreads) {
    throw new TensorError("invalid-argument", `wasm: threads is ${wanted}, not a whole number from 1 to ${maxThreads}`);
  }
  const obstacle = wanted > 1 ? obstacleToThreads() : undefined;
  if (obstacle !== undefined) {
    throw new TensorError("backend-failure", `wasm: no ${wanted} threads here: ${obstacle}; or use \`threads: 1\``);
  }
}
