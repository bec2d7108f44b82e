import { array, assert, boolean, integer, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { f32, keyOf, layOut, reads, sourceOf, u32, writes } from "./program.ts";
import type { Dispatch, Operand } from "./program.ts";

function vector(buffer: number, offset: number, length: number) {
  return { buffer, offset, shape: [length], strides: [1], dtype: "f32" as const };
}

const someOperands = array(
  record({ buffer: integer({ min: 0, max: 3 }), offset: integer({ min: 0, max: 500 }), length: integer({ min: 1, max: 300 }), isWritten: boolean() })
    .map(({ buffer, offset, length, isWritten }): Operand => {
      const view = vector(buffer, offset, length);
      return isWritten ? writes(view) : reads(view);
    }),
  { minLength: 1, maxLength: 8 },
);

describe("bindings", () => {
  test("reach all of their operands, from where a device lets a binding start", () => {
    assert(
      property(someOperands, boolean(), (operands, whole) => {
        const { bindings, places } = layOut(operands, () => whole);
        operands.forEach(({ view, writes }, i) => {
          const { buffer, start, end, writes: isWritten } = bindings[places[i].binding];
          expect(buffer).toBe(view.buffer);
          expect(start % 64).toBe(0);
          expect(start + places[i].start).toBe(view.offset);
          expect(end).toBeGreaterThanOrEqual(view.offset + view.shape[0]);
          if (writes) expect(isWritten).toBe(true);
          if (whole) expect([start, end]).toEqual([0, Infinity]);
        });
      }),
    );
  });

  test("are one for each buffer that is written, as devices ask for", () => {
    assert(
      property(someOperands, boolean(), (operands, whole) => {
        const { bindings } = layOut(operands, () => whole);
        for (const { buffer } of bindings.filter(({ writes }) => writes)) {
          expect(bindings.filter((other) => other.buffer === buffer)).toHaveLength(1);
        }
      }),
    );
  });

  test("count by their width", () => {
    const { places } = layOut([reads(vector(0, 72, 8), 4)], () => false);
    expect(places).toEqual([{ binding: 0, start: 2 }]);
  });
});

describe("a program", () => {
  const dispatch = (x: Operand, out: Operand, values: Dispatch["values"] = { count: u32(8), scale: f32(2) }): Dispatch => ({
    name: "scaled",
    operands: { x, out },
    values,
    source: (of) => `${of.out("i")} = values.scale * ${of.x("i")};`,
    workgroups: [1],
  });
  const laid = (subject: Dispatch) => layOut(Object.values(subject.operands), () => true);

  test("declares its values and bindings", () => {
    const subject = dispatch(reads(vector(0, 0, 8)), writes(vector(1, 0, 8)));
    expect(sourceOf(subject, laid(subject))).toMatchInlineSnapshot(`
      "struct Values {
        start_x: u32,
        start_out: u32,
        count: u32,
        scale: f32,
      }
      @group(1) @binding(0) var<uniform> values: Values;
      @group(0) @binding(0) var<storage, read> buffer0: array<f32>;
      @group(0) @binding(1) var<storage, read_write> buffer1: array<f32>;
      buffer1[values.start_out + (i)] = values.scale * buffer0[values.start_x + (i)];"
    `);
  });

  test("reads and writes one binding where both are one buffer", () => {
    const subject = dispatch(reads(vector(0, 8, 8)), writes(vector(0, 0, 8)));
    expect(sourceOf(subject, laid(subject))).toContain(
      "buffer0[values.start_out + (i)] = values.scale * buffer0[values.start_x + (i)];",
    );
  });

  test("is another one for another source, and the same for other numbers and places", () => {
    const subjects = [
      dispatch(reads(vector(0, 0, 8)), writes(vector(1, 0, 8))),
      dispatch(reads(vector(0, 0, 8), 4), writes(vector(1, 0, 8))),
      dispatch(reads(vector(0, 0, 8)), writes(vector(0, 0, 8))),
      dispatch(reads({ ...vector(0, 0, 8), dtype: "i32" }), writes(vector(1, 0, 8))),
      dispatch(reads(vector(0, 0, 8)), writes(vector(1, 0, 8)), { count: u32(8), scale: u32(2) }),
      dispatch(reads(vector(0, 0, 8)), writes(vector(1, 0, 8)), { scale: f32(2), count: u32(8) }),
    ];
    const keys = subjects.map((subject) => keyOf(subject, laid(subject)));
    const sources = subjects.map((subject) => sourceOf(subject, laid(subject)));
    expect(new Set(keys).size).toBe(subjects.length);
    expect(new Set(sources).size).toBe(subjects.length);
    const other = dispatch(reads(vector(7, 128, 99)), writes(vector(3, 64, 99)), { count: u32(99), scale: f32(-1) });
    expect(keyOf(other, laid(other))).toBe(keys[0]);
    expect(sourceOf(other, laid(other))).toBe(sources[0]);
  });
});
