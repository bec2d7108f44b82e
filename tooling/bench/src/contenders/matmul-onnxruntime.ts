import type { InferenceSession, TensorConstructor } from "onnxruntime-node";
import { productModel } from "../models/onnx.ts";
import { serveProducts } from "./product.ts";

/** What both of ONNX Runtime's packages have. */
interface Runtime {
  readonly version: string;
  create(model: Uint8Array): Promise<InferenceSession>;
  readonly Tensor: TensorConstructor;
}

export async function serveOnnxRuntime(open: (setup: { threads: number }) => Promise<Runtime>): Promise<never> {
  return serveProducts(async (setup: { threads: number }) => {
    const { version, create, Tensor } = await open(setup);
    return {
      version,
      async prepare(product, a, b) {
        const { m, k, n, transposeA, transposeB } = product;
        const session = await create(productModel(product));
        const feeds = {
          a: new Tensor("float32", a, transposeA ? [k, m] : [m, k]),
          b: new Tensor("float32", b, transposeB ? [n, k] : [k, n]),
        };
        let last: InferenceSession.OnnxValueMapType = {};
        return {
          call: async () => void (last = await session.run(feeds)),
          result: () => last.c.data as Float32Array,
          dispose: () => void session.release(),
        };
      },
    };
  });
}
