import { packageVersion } from "../harness/serve.ts";
import { serveOnnxRuntime } from "./matmul-onnxruntime.ts";

await serveOnnxRuntime(async ({ threads }) => {
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const create = (model: Uint8Array) =>
    InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1, executionMode: "sequential" });
  return { version: packageVersion("onnxruntime-node"), create, Tensor };
});
