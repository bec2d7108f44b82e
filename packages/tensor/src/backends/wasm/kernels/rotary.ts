import type { RotaryKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkIds } from "./indexing.ts";

/** Nanoseconds for an element. */
const time = 0.6;

export function rotary(engine: Engine): RotaryKernels {
  return {
    rotary({ x, table, positions, heads, headDim, inverse, out }) {
      const [tokens, columns] = x.shape;
      checkIds(engine, "rotary", positions, table.shape[0]);
      const [from, angles, numbers, to] = [x, table, positions, out].map((view) => engine.address(view));
      engine.divide(tokens, { time: columns * time }, (start, count) => {
        const at = start * bytesPerElement;
        return [
          "rotary", from + at * columns, count, columns, angles, numbers + at, heads, headDim, inverse ? -1 : 1,
          to + at * columns,
        ];
      });
    },
  };
}
