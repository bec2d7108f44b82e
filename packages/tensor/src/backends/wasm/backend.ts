import type { Backend } from "../../contract/index.ts";
import { TensorError } from "../../errors.ts";
import { weightFormats } from "../../weight-format.ts";
import { attention } from "./attention.ts";
import { checkSupport, startKernels, supportedBuild } from "./build.ts";
import type { WasmBuild } from "./build.ts";
import { elementwise } from "./elementwise.ts";
import { createMemory, Engine } from "./engine.ts";
import { indexing } from "./indexing.ts";
import { loss } from "./loss.ts";
import { matmul } from "./matmul.ts";
import { normalization } from "./normalization.ts";
import { optimizer } from "./optimizer.ts";
import { random } from "./random.ts";
import { reduce } from "./reduce.ts";
import { availableThreads, obstacleToThreads } from "./runtime.ts";
import { sampling } from "./sampling.ts";
import { storedAttention } from "./stored-attention.ts";
import { Team } from "./team.ts";
import { weights } from "./weights.ts";

export interface WasmOptions {
  /**
   * How many threads compute, the calling one included; results are the same for any number. Default: one for each core
   * where threads can share memory, which is in Node, Bun and Deno, and in a Worker of a page that is cross-origin
   * isolated; elsewhere 1. With 1 no worker is started.
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
const mostThreads = 256;

/** See `wasm`. `leastPart` is the engine's: how small work may be that is divided among threads. */
export async function startBackend(options: WasmOptions, leastPart?: number): Promise<Backend> {
  const { build = supportedBuild(), wasmUrl, workerUrl, revectorized } = options;
  checkSupport(build);
  const threads = chooseThreads(options.threads);
  const kernels = await startKernels(build, wasmUrl, createMemory(threads > 1));
  const team = threads > 1 ? await Team.start(kernels, { threads, workerUrl }) : undefined;
  const engine = new Engine(kernels, team, { leastPart, revectorized });
  return {
    name: engine.wasm.relaxed.value ? "wasm-relaxed" : "wasm-simd",
    kernels: {
      ...elementwise(engine),
      ...reduce(engine),
      ...matmul(engine),
      ...indexing(engine),
      ...normalization(engine),
      ...attention(engine),
      ...storedAttention(engine),
      ...loss(engine),
      ...optimizer(engine),
      ...random(engine),
      ...sampling(engine),
      ...weights(engine),
    },
    weightFormats,
    get memory() {
      return engine.use;
    },
    allocate: (byteLength) => engine.allocate(byteLength),
    free: (buffer) => engine.free(buffer),
    write: (view, data) => engine.write(view, data),
    read: async (view) => engine.read(view),
    readSync: (view) => engine.read(view),
    dispose: () => engine.dispose(),
  };
}

/** The number of threads that was asked for, or the best one. */
function chooseThreads(wanted: number | undefined): number {
  if (wanted === 1) return 1;
  const obstacle = obstacleToThreads();
  if (wanted === undefined) return obstacle === undefined ? Math.min(availableThreads(), mostThreads) : 1;
  if (!Number.isSafeInteger(wanted) || wanted < 1 || wanted > mostThreads) {
    throw new TensorError("invalid-argument", `wasm: threads is ${wanted}, not a whole number from 1 to ${mostThreads}`);
  }
  if (obstacle !== undefined) {
    throw new TensorError("backend-failure", `wasm: no ${wanted} threads here: ${obstacle}; or use \`threads: 1\``);
  }
  return wanted;
}
