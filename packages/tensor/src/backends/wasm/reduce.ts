import type { ReduceKernels, ReduceOp } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import type { WasmExports } from "../../generated/wasm-exports.ts";
import type { Engine } from "./engine.ts";

/** The kernels that reduce the last axis, and the one before it. */
const names = {
  sum: { rows: "sumRows", columns: "sumColumns" },
  max: { rows: "maxRows", columns: "maxColumns" },
  min: { rows: "minRows", columns: "minColumns" },
} as const satisfies Record<ReduceOp, { rows: keyof WasmExports; columns: keyof WasmExports }>;

export function reduce(engine: Engine): ReduceKernels {
  return {
    reduce({ op, x, out }) {
      const [outer, length, inner] = x.shape;
      const [from, to] = [engine.address(x), engine.address(out)];
      if (inner === 1) {
        engine.wasm[names[op].rows](from, outer, length, to);
        return;
      }
      const reduceColumns = engine.wasm[names[op].columns];
      for (let i = 0; i < outer; i++) {
        const rows = from + i * length * inner * bytesPerElement;
        reduceColumns(rows, length, inner, to + i * inner * bytesPerElement);
      }
    },

    argmax({ x, out }) {
      const [rows, length] = x.shape;
      engine.wasm.argmaxRows(engine.address(x), rows, length, engine.address(out));
    },
  };
}
