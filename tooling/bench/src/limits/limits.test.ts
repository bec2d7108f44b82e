import assert from "node:assert/strict";
import { test } from "node:test";
import { arithmeticLimit, readLimit } from "./limits.ts";

test("the arithmetic is done: twelve chains of a / 2 + 1 come to 2 each", () => {
  const bits = new Uint32Array(Float32Array.of(24).buffer)[0];
  assert.deepEqual([arithmeticLimit("relaxed").call(), arithmeticLimit("simd").call()], [bits, bits]);
});

test("all of the memory is read, and no more", () => {
  const limit = readLimit(2);
  assert.equal(limit.amount, 2 * 2 ** 20);
  assert.equal(limit.call(), 0x0101_0101);
});
