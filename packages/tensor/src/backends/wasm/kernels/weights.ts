import type { Dense, View, WeightKernels, WeightView } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import { denseMatrices, epilogueOf, noEpilogue } from "./gemm.ts";
import type { Epilogue, Matrices } from "./gemm.ts";
import { checkIds } from "./indexing.ts";
import { multiply } from "./matmul.ts";
import { blockBytes, packedNumbers } from "./packed.ts";

/** Nanoseconds for an element of f32 that is copied, and for another one that becomes f32. */
const [copyTime, dequantizeTime] = [0.5, 0.4];

export function weights(engine: Engine): WeightKernels {
  return {
    linear({ x, weight, out, ...epilogue }) {
      multiplyBy(engine, weight, "columnStep", { x, out, ...epilogueOf(engine, epilogue) });
    },

    linearGradient({ grad, weight, out }) {
      multiplyBy(engine, weight, "rowStep", { x: grad, out, ...noEpilogue });
    },

    gather({ weight: { dtype, shape, values, scales }, ids, out }) {
      const [entries, width] = shape;
      const [count] = ids.shape;
      checkIds(engine, "embedding", ids, entries);
      const [indices, to] = [engine.address(ids), engine.address(out)];
      const [from, fromScales] = [rowsOf(engine, values), rowsOf(engine, scales)];
      if (dtype === "f32") {
        engine.divide(count, { time: width * copyTime }, (start, some) => [
          "gatherRows", from.address, entries, width, indices, count, start, some, to,
        ]);
        return;
      }
      engine.withThreadScratch(blockBytes, (scratch, threadStep) => {
        engine.divide(count, { time: width * dequantizeTime, threadStep }, (start, some) => [
          "gatherPacked", packedNumbers[dtype], from.address, from.step, fromScales.address, fromScales.step, width,
          indices + start * bytesPerElement, some, to + start * width * bytesPerElement, scratch,
        ]);
      });
    },
  };
}

/** Multiplies rows by a weight, each of whose rows is a row or a column of the right operand: the axis of its step is named. */
function multiplyBy(
  engine: Engine,
  { dtype, values, scales }: WeightView,
  axis: "rowStep" | "columnStep",
  { x, out, ...epilogue }: Epilogue & { readonly x: Dense; readonly out: Dense },
): void {
  const operand = (part: View<DType> | null, columnStep: number): Matrices => {
    const { address, step } = rowsOf(engine, part);
    const steps = axis === "rowStep" ? { rowStep: step, columnStep } : { rowStep: columnStep, columnStep: step };
    return { address, batchStep: 0, ...steps };
  };
  const [rows, inner] = x.shape;
  const [, columns] = out.shape;
  multiply(engine, {
    ...epilogue,
    a: denseMatrices(engine, x, x.shape),
    // Elements of a packed row are not found by a step.
    b: operand(values, dtype === "f32" ? values.strides[1] * bytesPerElement : 0),
    storage: dtype === "f32" ? null : { dtype, scales: operand(scales, 0) },
    out: denseMatrices(engine, out, out.shape),
    batch: 1, rows, inner, columns, add: false,
  });
}

/** Where the rows of a part of a weight begin, and how far in bytes it is from one to the next. */
function rowsOf(engine: Engine, part: View<DType> | null): { readonly address: number; readonly step: number } {
  return part ? { address: engine.address(part), step: part.strides[0] * bytesPerElement } : { address: 0, step: 0 };
}
