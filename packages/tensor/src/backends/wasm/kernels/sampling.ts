import type { Dense, SamplingKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { drawIndex } from "../../../sampling.ts";
import { elementwise } from "./elementwise.ts";
import type { Engine } from "../runtime/engine.ts";
import { reduce } from "./reduce.ts";

/** Weights are computed by the compiled kernels; what is left is a few passes over one row, here. */
export function sampling(engine: Engine): SamplingKernels {
  const { affine, unary } = elementwise(engine);
  const { reduce: reduceRows } = reduce(engine);
  return {
    sample({ logits, uniforms, settings, out }) {
      const [rows, width] = logits.shape;
      engine.withScratch(rows * bytesPerElement, (maxima) =>
        engine.withScratch(width * bytesPerElement, (address) => {
          const [largest, weights] = [vector(maxima, rows), vector(address, width)];
          reduceRows({ op: "max", x: { ...logits, shape: [rows, width, 1] }, out: largest });
          const scores = { ...logits, shape: [width], strides: [1] };
          for (let row = 0; row < rows; row++) {
            const x = { ...scores, offset: logits.offset + row * width };
            const { temperature, ...filters } = settings[settings.length > 1 ? row : 0];
            if (temperature === 0) {
              const first = engine.elements(x).indexOf(engine.elements(largest)[row]);
              engine.elements(out)[row] = Math.max(first, 0);
              continue;
            }
            affine({ x, scale: 1, shift: -engine.elements(largest)[row], out: weights });
            if (temperature !== 1) affine({ x: weights, scale: 1 / temperature, shift: 0, out: weights });
            unary({ op: "exp", x: weights, out: weights });
            const index = drawIndex(engine.elements(weights), filters, engine.elements(uniforms)[row]);
            engine.elements(out)[row] = index;
          }
        }),
      );
    },
  };
}

function vector(buffer: number, length: number): Dense {
  return { buffer, offset: 0, shape: [length], strides: [1], dtype: "f32" };
}
