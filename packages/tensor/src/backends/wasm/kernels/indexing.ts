import type { IndexingKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { idOutOfRange } from "../../../index-errors.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for an element. */
const time = 0.5;

export function indexing(engine: Engine): IndexingKernels {
  return {
    gatherRows({ table, ids, out }) {
      const [entries, width] = table.shape;
      const [count] = ids.shape;
      const [from, indices, to] = [engine.address(table), engine.address(ids), engine.address(out)];
      const wrong = engine.wasm.firstOutside(indices, count, entries);
      if (wrong >= 0) throw idOutOfRange(engine.elements(ids)[wrong], wrong, entries);
      engine.divide(count, { time: width * time }, (start, some) => {
        const at = start * bytesPerElement;
        return ["gatherRows", from, width, indices + at, some, to + at * width];
      });
    },

    scatterAddRows({ ids, grad, out }) {
      const [entries, width] = out.shape;
      const [count] = ids.shape;
      const [indices, from, to] = [engine.address(ids), engine.address(grad), engine.address(out)];
      // By columns, so that what is added to an element comes in order.
      engine.divide(width, { time: count * time, multiple: 16 }, (start, columns) => {
        const at = start * bytesPerElement;
        return ["scatterAddRows", indices, count, from + at, columns, width * bytesPerElement, to + at, entries];
      });
    },
  };
}
