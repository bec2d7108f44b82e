import { packageVersion } from "../harness/serve.ts";
import { serveProducts } from "./product.ts";

await serveProducts(async () => {
  const { blockUntilReady, defaultDevice, init, numpy: np } = await import("@jax-js/jax");
  await init("wasm");
  defaultDevice("wasm");
  return {
    version: packageVersion("@jax-js/jax"),
    prepare({ m, k, n, transposeA, transposeB }, a, b) {
      const left = np.array(a, { shape: transposeA ? [k, m] : [m, k] });
      const right = np.array(b, { shape: transposeB ? [n, k] : [k, n] });
      const operand = (x: typeof left, transposed: boolean) => (transposed ? np.transpose(x.ref) : x.ref);
      let out: typeof left | undefined;
      return {
        async call() {
          out?.dispose();
          out = np.matmul(operand(left, transposeA), operand(right, transposeB));
          await blockUntilReady(out);
        },
        result: async () => Float32Array.from((await out?.ref.data()) as Float32Array),
        dispose: () => [left, right, out].forEach((x) => x?.dispose()),
      };
    },
  };
});
