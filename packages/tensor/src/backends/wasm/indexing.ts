import type { IndexingKernels } from "../../contract/index.ts";
import { idOutOfRange } from "../../index-errors.ts";
import type { Engine } from "./engine.ts";

export function indexing(engine: Engine): IndexingKernels {
  return {
    gatherRows({ table, ids, out }) {
      const [entries, width] = table.shape;
      const [count] = ids.shape;
      const [from, indices, to] = [engine.address(table), engine.address(ids), engine.address(out)];
      const wrong = engine.wasm.gatherRows(from, entries, width, indices, count, to);
      if (wrong >= 0) throw idOutOfRange(engine.elements(ids)[wrong], wrong, entries);
    },

    scatterAddRows({ ids, grad, out }) {
      const [entries, width] = out.shape;
      const [count] = ids.shape;
      const [indices, from, to] = [engine.address(ids), engine.address(grad), engine.address(out)];
      engine.wasm.scatterAddRows(indices, count, from, width, to, entries);
    },
  };
}
