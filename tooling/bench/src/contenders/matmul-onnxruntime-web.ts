import { packageVersion } from "../harness/serve.ts";
import { serveOnnxRuntime } from "./matmul-onnxruntime.ts";

await serveOnnxRuntime(async ({ threads }) => {
  const { env, InferenceSession, Tensor } = await import("onnxruntime-web");
  env.wasm.numThreads = threads;
  const create = (model: Uint8Array) => InferenceSession.create(model, { executionProviders: ["wasm"] });
  return { version: packageVersion("onnxruntime-web"), create, Tensor };
});
