import { env, InferenceSession, Tensor } from "onnxruntime-web/webgpu";
import { workInputs, workModel } from "../models/onnx.ts";
import type { GPUContender } from "./contender.ts";

/** Of inputs: STORAGE, COPY_SRC and COPY_DST. */
const usage = 0x80 | 0x4 | 0x8;

export function open(): Promise<GPUContender> {
  env.wasm.wasmPaths = { wasm: new URL("onnxruntime.wasm", location.href).href };
  env.wasm.numThreads = 1;
  return Promise.resolve({
    async prepare(work) {
      const session = await InferenceSession.create(workModel(work), {
        executionProviders: ["webgpu"],
        preferredOutputLocation: "gpu-buffer",
      });
      const device = await env.webgpu.device;
      const inputs = workInputs(work).map(({ name, shape, values }) => {
        const buffer = device.createBuffer({ size: Math.ceil(values.byteLength / 16) * 16, usage });
        device.queue.writeBuffer(buffer, 0, values);
        return { name, buffer, tensor: Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: shape }) };
      });
      const feeds = Object.fromEntries(inputs.map(({ name, tensor }) => [name, tensor]));
      let last: InferenceSession.OnnxValueMapType = {};
      return {
        async run(times) {
          for (let i = 0; i < times; i++) {
            last.c?.dispose();
            last = await session.run(feeds);
          }
          await device.queue.onSubmittedWorkDone();
        },
        result: async () => Float32Array.from((await last.c.getData()) as Float32Array),
        dispose() {
          last.c?.dispose();
          for (const { buffer } of inputs) buffer.destroy();
          void session.release();
        },
      };
    },
  });
}
