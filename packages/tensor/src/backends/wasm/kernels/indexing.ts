import type { Dense, IndexingKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { idOutOfRange } from "../../../index-errors.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";

/** Nanoseconds for an element. */
const time = 0.5;

export function indexing(engine: Engine): IndexingKernels {
  return {
    gatherRows({ table, ids, out, op }) {
      const [, entries, width] = table.shape;
      const [batch, group] = ids.shape;
      const count = batch * group;
      const [from, indices, to] = [engine.address(table), engine.address(ids), engine.address(out)];
      checkIds(engine, op, ids, entries);
      engine.divide(count, { time: width * time }, (start, some) => [
        "gatherRows", from, entries, width, indices, group, start, some, to,
      ]);
    },

    scatterAddRows({ ids, grad, out, op }) {
      const [, entries, width] = out.shape;
      const [batch, group] = ids.shape;
      const [indices, from, to] = [engine.address(ids), engine.address(grad), engine.address(out)];
      const step = width * bytesPerElement;
      if (op !== null) checkIds(engine, op, ids, entries);
      // By tables or by columns, so that what is added to an element comes in order.
      if (batch > 1) {
        engine.divide(batch, { time: group * width * time }, (start, some) => {
          const at = start * group;
          return [
            "scatterAddRows", indices + at * bytesPerElement, group, some * group, from + at * step, width, step,
            to + start * entries * step, entries,
          ];
        });
        return;
      }
      engine.divide(width, { time: group * time, multiple: 16 }, (start, columns) => {
        const at = start * bytesPerElement;
        return ["scatterAddRows", indices, group, group, from + at, columns, step, to + at, entries];
      });
    },
  };
}

/** Refuses ids outside of the entries that they name. */
export function checkIds(engine: Engine, op: string, ids: Dense<"i32">, entries: number): void {
  const wrong = engine.wasm.firstOutside(engine.address(ids), sizeOf(ids.shape), entries);
  if (wrong >= 0) throw idOutOfRange(op, engine.elements(ids)[wrong], wrong, entries);
}
