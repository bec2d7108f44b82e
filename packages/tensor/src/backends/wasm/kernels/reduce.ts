import type { ReduceKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";

type Reduction = Parameters<ReduceKernels["reduce"]>[0];

const rowKernels = { sum: "sumRows", max: "maxRows", min: "minRows" } as const;
/** Nanoseconds for an element of a reduction, and of argmax. */
const [time, argmaxTime] = [0.3, 1];

export function reduce(engine: Engine): ReduceKernels {
  return {
    reduce(reduction) {
      if (reduction.x.shape[2] === 1) reduceRows(engine, reduction);
      else if (reduction.op === "sum") sumColumns(engine, reduction);
      else extremesOfColumns(engine, reduction);
    },

    argmax({ x, out }) {
      const [rows, length] = x.shape;
      const [from, to] = [engine.address(x), engine.address(out)];
      engine.divide(rows, { time: length * argmaxTime }, (start, count) => {
        const at = start * bytesPerElement;
        return ["argmaxRows", from + at * length, count, length, to + at];
      });
    },
  };
}

function reduceRows(engine: Engine, { op, x, out }: Reduction): void {
  const [rows, length] = x.shape;
  const [from, to] = [engine.address(x), engine.address(out)];
  engine.divide(rows, { time: length * time }, (start, count) => {
    const at = start * bytesPerElement;
    return [rowKernels[op], from + at * length, count, length, to + at];
  });
}

function sumColumns(engine: Engine, { x, out }: Reduction): void {
  const [outer, rows, columns] = x.shape;
  const step = columns * bytesPerElement;
  engine.withThreadScratch((columns + 3) * Float64Array.BYTES_PER_ELEMENT, (totals, threadStep) => {
    for (let i = 0; i < outer; i++) {
      const [from, to] = [engine.address(x) + i * rows * step, engine.address(out) + i * step];
      engine.divide(columns, { time: rows * time, multiple: 16, threadStep }, (start, count) => {
        const at = start * bytesPerElement;
        return ["sumColumns", from + at, rows, count, step, to + at, totals];
      });
    }
  });
}

function extremesOfColumns(engine: Engine, { op, x, out }: Reduction): void {
  const [outer, rows, columns] = x.shape;
  const step = columns * bytesPerElement;
  for (let i = 0; i < outer; i++) {
    const [from, to] = [engine.address(x) + i * rows * step, engine.address(out) + i * step];
    engine.divide(columns, { time: rows * time, multiple: 16 }, (start, count) => {
      const at = start * bytesPerElement;
      return [op === "max" ? "maxColumns" : "minColumns", from + at, rows, count, step, to + at];
    });
  }
}
