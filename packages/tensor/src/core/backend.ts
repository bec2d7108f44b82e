import { argumentError } from "../arguments.ts";
import type { Backend } from "../contract/index.ts";
import { TensorError } from "../errors.ts";
import { quote } from "@gpt/common";
import { isRefusedPromise, runSynchronously } from "./region.ts";

let current: Backend | undefined;

/**
 * Chooses the backend on which factories (`tensor`, `zeros`, …) create tensors from now on, or, with a function, only
 * while that function runs. Ops run on the backend of their inputs.
 */
export function useBackend(backend: Backend): void;
/** Chooses the backend on which factories create tensors while `region` runs, and returns what that returns. */
export function useBackend<T>(backend: Backend, region: () => T): T;
export function useBackend<T>(backend: Backend, region?: () => T): T | undefined {
  claimProcess();
  checkBackend("useBackend", backend);
  const previous = current;
  current = backend;
  if (!region) return undefined;
  try {
    return runSynchronously("useBackend", region);
  } finally {
    current = previous;
  }
}

/** Refuses what is no backend, above all the promise of one. */
export function checkBackend(op: string, backend: Backend): void {
  if ((backend as Partial<Backend> | undefined)?.kernels) return;
  const got = isRefusedPromise(backend) ? "a promise: write `await` before it" : quote(backend);
  throw argumentError(op, `expected a backend, got ${got}`);
}

/** The chosen backend. Throws `no-backend` where none was chosen. */
export function currentBackend(): Backend {
  if (!current) {
    throw new TensorError(
      "no-backend",
      "no backend was chosen: call `await startDefaultBackend()`, or `useBackend(await wasm())` of @gpt/tensor/wasm",
    );
  }
  return current;
}

/**
 * Starts the default backend, `wasm`, and chooses it, unless one was chosen already. High-level entries such as
 * `loadModel` and `train` call this; call it yourself before creating tensors or models.
 */
export async function startDefaultBackend(): Promise<Backend> {
  if (!current) {
    // eslint-disable-next-line import-x/no-restricted-paths -- the one exception, loaded only when asked for
    const { wasm } = await import("../backends/wasm/index.ts");
    const backend = await wasm();
    // Another caller may have chosen one meanwhile.
    if (current) backend.dispose();
    else useBackend(backend);
  }
  return currentBackend();
}

const owner = Symbol.for("@gpt/tensor");

/** Refuses a second loaded copy of this package: its tensors would not be recognised by the first one's ops. */
function claimProcess(): void {
  const registry = globalThis as { [owner]?: string };
  registry[owner] ??= import.meta.url;
  if (registry[owner] !== import.meta.url) {
    throw new TensorError(
      "duplicate-package",
      `two copies of @gpt/tensor are loaded: ${registry[owner]} and ${import.meta.url}; ` +
        "install one version only (`npm ls @gpt/tensor` shows who asks for which)",
    );
  }
}
