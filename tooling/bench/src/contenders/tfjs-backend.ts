import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageVersion } from "../harness/serve.ts";

/** TensorFlow.js on its WebAssembly backend. */
export async function startTensorFlow(threads: number) {
  const tf = await import("@tensorflow/tfjs");
  const { setThreadsCount, setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  const name = "@tensorflow/tfjs-backend-wasm";
  setWasmPaths(join(dirname(createRequire(import.meta.url).resolve(name)), "/"));
  setThreadsCount(threads);
  if (!(await tf.setBackend("wasm"))) throw new Error("tfjs does not start its backend wasm");
  return { tf, version: packageVersion(name) };
}
