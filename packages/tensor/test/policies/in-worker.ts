/** Starts the backend `wasm` in several ways, and posts what came of each. */
import { startDefaultBackend } from "../../src/core/backend.ts";
import { tensor } from "../../src/core/create.ts";
import { wasm } from "../../src/backends/wasm/index.ts";
import type { WasmOptions } from "../../src/backends/wasm/index.ts";
import { matmul } from "../../src/ops/matmul.ts";

/** What came of a start: how many threads compute a product, and what it is; or the error. */
export interface Start {
  readonly threads?: number;
  readonly obstacle?: string;
  readonly product?: readonly number[];
  readonly error?: { readonly code: string; readonly message: string };
}

export interface Starts {
  readonly cores: number;
  readonly byDefault: Start;
  readonly twoThreads: Start;
  readonly missingWorker: Start;
  readonly defaultBackend: Start;
}

async function start(options: WasmOptions): Promise<Start> {
  try {
    const backend = await wasm(options);
    const x = tensor([[1, 2], [3, 4]], { backend });
    const product = Array.from(await matmul(x, x).data());
    const { threads, obstacle } = backend;
    backend.dispose();
    return { threads, obstacle, product };
  } catch (error) {
    return { error: told(error) };
  }
}

function told(error: unknown): Start["error"] {
  const { code, message } = error as Error & { code: string };
  return { code, message };
}

const starts: Starts = {
  cores: navigator.hardwareConcurrency,
  byDefault: await start({}),
  twoThreads: await start({ threads: 2 }),
  missingWorker: await start({ workerUrl: new URL("missing.js", location.href) }),
  defaultBackend: await startDefaultBackend().then(({ name }) => ({ obstacle: name }), (error) => ({ error: told(error) })),
};
postMessage(starts);
