import { defaultDevice, getWebGPUDevice, init, jit, nn, numpy as np } from "@jax-js/jax";
import type { Array as JaxArray } from "@jax-js/jax";
import { inputsOf } from "../models/work.ts";
import type { Work } from "../models/work.ts";
import type { GPUContender } from "./contender.ts";

export async function open(): Promise<GPUContender> {
  const devices = await init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("it starts no WebGPU");
  defaultDevice("webgpu");
  const { queue } = getWebGPUDevice();
  return {
    prepare(work) {
      const heads = work.kind === "attention" ? [work.tokens, work.heads, work.headDim] : undefined;
      const inputs = inputsOf(work).map(({ shape, values }) => np.array(values, { shape: heads ?? [...shape] }));
      const compute = jit(computationOf(work));
      // A call consumes a reference to each of its arguments.
      const call = (): JaxArray => compute(...inputs.map((x) => x.ref));
      return Promise.resolve({
        async run(times) {
          // What nobody asks for is not computed: its buffer is asked for, which submits the commands.
          for (let i = 0; i < times; i++) await call().gpuBuffer();
          await queue.onSubmittedWorkDone();
        },
        result: async () => Float32Array.from((await call().data()) as Float32Array),
        dispose: () => [...inputs, compute].forEach((x) => x.dispose()),
      });
    },
  };
}

function computationOf(work: Work): (...inputs: JaxArray[]) => JaxArray {
  switch (work.kind) {
    case "product":
      return (a, b) => np.matmul(a, work.transposeB ? np.transpose(b) : b);
    case "softmax":
      return (x) => nn.softmax(x);
    case "layerNorm":
      return (x, weight, bias) => nn.standardize(x).mul(weight).add(bias);
    case "attention":
      return (q, k, v) => nn.dotProductAttention(q, k, v, { isCausal: true });
  }
}
