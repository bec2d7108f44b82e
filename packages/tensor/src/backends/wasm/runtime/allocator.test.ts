import { assert, constantFrom, array, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import { Allocator } from "./allocator.ts";

/** The lengths of what is free between the runs in use. */
function gaps(used: ReadonlyMap<number, number>, start: number, end: number): number[] {
  const runs = [...used].sort(([a], [b]) => a - b);
  return [...runs, [end, 0]].map(([next], i) => next - (i > 0 ? runs[i - 1][0] + runs[i - 1][1] : start));
}

test("runs in use never overlap, none is refused for which there is room, and all that return are whole again", () => {
  const size = integer({ min: 1, max: 300 });
  const step = record({ kind: constantFrom("allocate", "allocate", "free", "extend"), size });
  // Else arrays have about ten elements, however long they may be, and memory is never full.
  const steps = array(step, { maxLength: 200, size: "max" });
  let refused = 0;
  let peak = 0;
  assert(
    property(steps, (steps) => {
      const allocator = new Allocator(7);
      let end = 7;
      const used = new Map<number, number>();
      const extend = (by: number): void => {
        allocator.extend(by);
        end += by;
      };
      extend(1000);
      for (const { kind, size } of steps) {
        if (kind === "extend") extend(size);
        if (kind === "free") {
          const start = [...used.keys()][size % (used.size || 1)];
          if (start !== undefined) expect(allocator.free(start)).toBe(used.get(start));
          used.delete(start);
        }
        if (kind !== "allocate") continue;
        const start = allocator.allocate(size);
        if (start === undefined) {
          expect(Math.max(...gaps(used, 7, end))).toBeLessThan(size);
          refused++;
          continue;
        }
        expect(start).toBeGreaterThanOrEqual(7);
        expect(start + size).toBeLessThanOrEqual(end);
        for (const [other, length] of used) expect(other + length <= start || start + size <= other).toBe(true);
        used.set(start, size);
        peak = Math.max(peak, used.size);
      }
      for (const start of used.keys()) allocator.free(start);
      expect(allocator.freeAtEnd).toBe(end - 7);
      expect(allocator.allocate(end - 7)).toBe(7);
    }),
  );
  expect(refused).toBeGreaterThan(0);
  expect(peak).toBeGreaterThan(20);
});
