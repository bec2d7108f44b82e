import { startTensorFlow } from "./tfjs-backend.ts";
import { serveProducts } from "./product.ts";

await serveProducts(async (setup: { threads: number }) => {
  const { tf, version } = await startTensorFlow(setup.threads);
  return {
    version,
    prepare({ m, k, n, transposeA, transposeB }, a, b) {
      const left = tf.tensor2d(a, transposeA ? [k, m] : [m, k]);
      const right = tf.tensor2d(b, transposeB ? [n, k] : [k, n]);
      let out = tf.zeros([0]);
      const call = (): void => {
        out.dispose();
        out = tf.matMul(left, right, transposeA, transposeB);
      };
      return {
        call,
        result: () => out.dataSync<"float32">(),
        dispose: () => [left, right, out].forEach((x) => x.dispose()),
      };
    },
  };
});
