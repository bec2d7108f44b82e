import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { blocksOf, elementsOf, quantizedTypes } from "../../test/gguf-blocks.ts";
import { decodeGGUF } from "./decode.ts";
import { encodeGGUF, writableGGUFTypes } from "./encode.ts";
import type { WritableGGUFType } from "./encode.ts";
import { ggufFormats } from "./types.ts";
import type { GGUFType } from "./types.ts";

/** What llama.cpp's library makes of them: see tooling/interop/src/make-gguf-expectations.ts. */
const expectations = JSON.parse(readFileSync(join(import.meta.dirname, "../../test/gguf-blocks.json"), "utf8")) as
  Record<GGUFType, { readonly decoded: string; readonly encoded?: string }>;
const text = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string => Buffer.from(buffer, byteOffset, byteLength).toString("base64");

test.each(quantizedTypes)("blocks of %s are what llama.cpp makes of them, bit for bit", (type) => {
  const blocks = blocksOf(type, Math.max(1, 64 / ggufFormats[type].block));
  expect(text(decodeGGUF(type, blocks))).toBe(expectations[type].decoded);
});

const packed = ["q8_0", "q4_0", "mxfp4"] as const;

test.each(packed)("elements become the blocks of %s that llama.cpp makes, bit for bit", (type) => {
  expect(text(encodeGGUF(type, elementsOf(256)))).toBe(expectations[type].encoded);
});

/** llama.cpp, tests/test-quantize-fns.cpp: its data, its formula and its bounds. */
test.each([["q8_0", 0.002], ["q4_0", 0.002], ["mxfp4", 0.003]] as const)("the error of %s is at most %f by llama.cpp's measure", (type, bound) => {
  const elements = Float32Array.from({ length: 4096 }, (_, i) => 0.1 + 2 * Math.cos(i));
  const sum = decodeGGUF(type, encodeGGUF(type, elements)).reduce((sum, value, i) => sum + (value - elements[i]) ** 2, 0);
  expect(Math.sqrt(sum) / elements.length).toBeLessThanOrEqual(bound);
  expect(sum).toBeGreaterThan(0);
});

test.each(["f32", "f16", "bf16"] as const)("%s keeps the numbers that it has", (type) => {
  const elements = Float32Array.of(0, -0, 1, -1.5, 2 ** -14, 255, -(2 ** 15), 2 ** -24);
  expect(decodeGGUF(type, encodeGGUF(type, elements))).toEqual(elements);
});

describe.each(writableGGUFTypes)("%s", (type: WritableGGUFType) => {
  const { block } = ggufFormats[type];

  test.each([NaN, Infinity, -Infinity])("refuses %f", (value) => {
    const elements = new Float32Array(64);
    elements[33] = value;
    expect(() => encodeGGUF(type, elements)).toThrow(`${type} cannot hold ${value}, which is element 33; choose f32`);
  });

  test("gives finite numbers near those of any finite size, or refuses them", () => {
    for (let exponent = -149; exponent < 128; exponent++) {
      const elements = Float32Array.from({ length: 32 }, (_, i) => (i / 16 - 1) * 2 ** exponent * 0.99);
      let decoded: Float32Array;
      try {
        decoded = decodeGGUF(type, encodeGGUF(type, elements));
      } catch (error) {
        expect(String(error)).toContain("cannot hold");
        expect(exponent).toBeGreaterThan(15);
        continue;
      }
      const largest = Math.max(...elements.map(Math.abs));
      // Half of the largest step, or what is lost where scales of 16 bits end.
      const bound = largest / (type === "mxfp4" ? 3 : 7) + (type === "mxfp4" || type === "f32" || type === "bf16" ? 2 ** -126 : 127 * 2 ** -24);
      decoded.forEach((value, i) => expect(Math.abs(value - elements[i])).toBeLessThanOrEqual(bound));
    }
  });

  test.skipIf(block === 1)("refuses elements that are no whole blocks", () => {
    expect(() => encodeGGUF(type, new Float32Array(33))).toThrow("33 elements are no whole blocks");
  });
});
