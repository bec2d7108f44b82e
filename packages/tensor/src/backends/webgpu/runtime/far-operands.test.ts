import { array, assert, boolean, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import type { View } from "../../../contract/index.ts";
import { farOperand } from "./far-operands.ts";
import { fits, span } from "./split-bindings.ts";
import { reads, writes } from "./program.ts";
import type { Operand } from "./program.ts";

const reach = { maxBindingElements: 256 };

function vector(offset: number, length: number, buffer = 0): View {
  return { buffer, offset, shape: [length], strides: [1], dtype: "f32" };
}

test("the farthest operand goes first; what is near, read only, or between written elements does not", () => {
  const out = writes(vector(1000, 100));
  expect(farOperand(reach, { x: reads(vector(0, 100)), y: reads(vector(5000, 100)), out })).toBe("y");
  expect(farOperand(reach, { x: reads(vector(0, 100)), z: writes(vector(1050, 100)), out })).toBe("x");
  expect(farOperand(reach, { x: reads(vector(920, 70)), out })).toBeUndefined();
  expect(farOperand(reach, { x: reads(vector(0, 100)), y: reads(vector(5000, 100)), out: writes(vector(0, 100, 1)) })).toBeUndefined();
  expect(farOperand(reach, { m: writes(vector(1050, 180)), out })).toBeUndefined();
  // Three of which any two are near, but not all together.
  expect(farOperand(reach, { x: reads(vector(940, 50)), y: reads(vector(1100, 50)), out })).toBeDefined();
});

const operands = array(
  record({ offset: integer({ min: 0, max: 2000 }), length: integer({ min: 1, max: 120 }), buffer: integer({ min: 0, max: 1 }), isWritten: boolean() })
    .map(({ offset, length, buffer, isWritten }): Operand => (isWritten ? writes : reads)(vector(offset, length, buffer))),
  { minLength: 1, maxLength: 6 },
);

test("copies, one after the other, leave what one binding reaches, unless what is written lies apart and overlaps", () => {
  let copies = 0;
  assert(
    property(operands, (operands) => {
      let all: Record<string, Operand> = Object.fromEntries(operands.map((operand, i) => [`x${i}`, operand]));
      for (let far = farOperand(reach, all), next = 10; far !== undefined; far = farOperand(reach, all), next++) {
        expect(next).toBeLessThan(10 + operands.length);
        all = { ...all, [far]: { ...all[far], view: { ...all[far].view, buffer: next } } };
        copies++;
      }
      for (const { view, writes } of Object.values(all)) {
        if (!writes) continue;
        const near = Object.values(all).filter((other) => other.view.buffer === view.buffer);
        const areWritten = near.every((other) => other.writes);
        if (!areWritten) expect(fits(reach, near.reduce((whole, other) => span(whole, other.view), view))).toBe(true);
      }
    }),
  );
  expect(copies).toBeGreaterThan(0);
});
