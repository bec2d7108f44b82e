import type { ReduceKernels } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import type { Engine } from "./engine.ts";

export function reduce(engine: Engine): ReduceKernels {
  return {
    reduce({ op, x, out }) {
      const [outer, length, inner] = x.shape;
      const [from, to] = [engine.address(x), engine.address(out)];
      const { wasm } = engine;
      if (inner === 1) {
        const reduceRows = { sum: wasm.sumRows, max: wasm.maxRows, min: wasm.minRows }[op];
        reduceRows(from, outer, length, to);
        return;
      }
      engine.withScratch((inner + 3) * Float64Array.BYTES_PER_ELEMENT, (totals) => {
        const reduceColumns = { sum: wasm.sumColumns, max: wasm.maxColumns, min: wasm.minColumns }[op];
        for (let i = 0; i < outer; i++) {
          const rows = from + i * length * inner * bytesPerElement;
          reduceColumns(rows, length, inner, to + i * inner * bytesPerElement, totals);
        }
      });
    },

    argmax({ x, out }) {
      const [rows, length] = x.shape;
      engine.wasm.argmaxRows(engine.address(x), rows, length, engine.address(out));
    },
  };
}
