import { matmul, noGrad, scope, tensor, transpose } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { startOurs } from "./ours-backend.ts";
import type { OursSetup } from "./ours-backend.ts";
import { serveProducts } from "./product.ts";

await serveProducts(async (setup: OursSetup) => {
  const { version } = await startOurs(setup);
  return {
    version,
    prepare({ m, k, n, transposeA, transposeB }, a, b) {
      const left = tensor(a, { shape: transposeA ? [k, m] : [m, k] });
      const right = tensor(b, { shape: transposeB ? [n, k] : [k, n] });
      let out: Tensor | undefined;
      const call = (): void =>
        noGrad(() => {
          out?.dispose();
          out = scope(() => matmul(transposeA ? transpose(left) : left, transposeB ? transpose(right) : right));
        });
      return {
        call,
        result: async () => (out as Tensor).data(),
        dispose: () => [left, right, out].forEach((x) => x?.dispose()),
      };
    },
  };
});
