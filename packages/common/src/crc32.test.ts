import { crc32 as ofNode } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, crc32Anywhere } from "./crc32.ts";

test("sums bytes up as zlib does, piece by piece, with Node and without", () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (first, second) => {
    const expected = ofNode(second, ofNode(first));
    for (const sum of [crc32, crc32Anywhere]) expect(sum(second, sum(first))).toBe(expected);
  }));
});
