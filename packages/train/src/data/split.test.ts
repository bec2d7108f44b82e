import fc from "fast-check";
import { expect, test } from "vitest";
import { splitRecords } from "./split.ts";

const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `text ${i}`);

test("each record is on one side, no text on both, and the same seed divides in the same way", () => {
  const few = fc.array(fc.constantFrom(..."abcdefgh"), { minLength: 8, maxLength: 60 });
  fc.assert(fc.property(few, fc.maxSafeNat(), fc.double({ min: 0.2, max: 0.6, noNaN: true }), (letters, seed, validation) => {
    fc.pre(new Set(letters).size > 4);
    const options = { seed, validation };
    let split;
    try {
      split = splitRecords(letters, options);
    } catch (error) {
      expect(error).toMatchObject({ code: "data-too-short" });
      return;
    }
    expect([...split.train, ...split.validation].sort((a, b) => a - b)).toEqual(letters.map((_, i) => i));
    const train = new Set(Array.from(split.train, (i) => letters[i]));
    for (const i of split.validation) expect(train.has(letters[i])).toBe(false);
    expect(splitRecords(letters, options)).toEqual(split);
    const once = splitRecords(letters, { ...options, validation: 0.3, duplicates: "once" });
    const kept = [...once.train, ...once.validation].sort((a, b) => a - b);
    expect(kept).toEqual([...new Set(letters)].map((letter) => letters.indexOf(letter)).sort((a, b) => a - b));
  }));
});

test("a tenth validates by default; another seed chooses others", () => {
  const split = splitRecords(texts(1000));
  expect([split.train.length, split.validation.length]).toEqual([900, 100]);
  expect(splitRecords(texts(1000), { seed: 1 })).toEqual(split);
  const other = new Set(splitRecords(texts(1000), { seed: 2 }).validation);
  const common = split.validation.filter((i) => other.has(i)).length;
  expect(common).toBeLessThan(30); // Of a mean of 10.
});

test.each<[unknown[], object, string]>([
  [["a"], {}, "1 records of 1 different texts cannot be divided with 1 of them for validation; give more data, another share, or none for validation"],
  [["a", "a", "a", "b", "b"], { validation: 0.2 }, "5 records of 2 different texts cannot be divided with 1 of them for validation; give more data, another share, or none for validation"],
  [["a", 3], {}, "texts[1] must be a text, not 3"],
  [["a", "b"], { validation: 0 }, "validation must be above 0"],
  [["a", "b"], { validation: 1 }, "validation must be a number from 0 and below 1, not 1"],
  [["a", "b"], { seed: -1 }, "seed must be a whole number from 0 to 2^53 - 1, not -1"],
  [["a", "b"], { duplicates: "twice" }, 'duplicates must be "together" or "once"'],
])("refuses %j with %j", (texts, options, message) => {
  expect(() => splitRecords(texts as string[], options)).toThrow(expect.objectContaining({ message }));
});
