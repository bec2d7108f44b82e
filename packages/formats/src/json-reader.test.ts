import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError } from "./errors.ts";
import { JsonReader } from "./json-reader.ts";
import { mutations } from "@gpt/testing/mutate";

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 3_000;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The value that `JSON.parse` would build. */
function readValue(reader: JsonReader): unknown {
  switch (reader.peek()) {
    case "object": {
      const entries: [string, unknown][] = [];
      reader.object((key) => entries.push([key, readValue(reader)]));
      return Object.fromEntries(entries);
    }
    case "array": {
      const items: unknown[] = [];
      reader.array(() => items.push(readValue(reader)));
      return items;
    }
    case "string":
      return reader.string();
    case "number":
      return reader.number();
    case "boolean":
      return reader.boolean();
    case "null":
      return reader.null();
  }
}

function parse(bytes: Uint8Array): unknown {
  const reader = new JsonReader(bytes, "x.json");
  const value = readValue(reader);
  reader.end();
  return value;
}

test("reads what JSON.stringify writes", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.nat(4), (text, indent) => {
      const expected = JSON.parse(text) as unknown;
      expect(parse(encode(JSON.stringify(expected, null, indent)))).toEqual(expected);
    }),
    { numRuns: process.env.GPT_VERIFY ? 10_000 : 300 },
  );
});

test("reads what a value of each kind can be", () => {
  const text = '{"a":[1,-0,2.5e3,1e400,""],"b":{"c":null,"\\u00e9":true},"d":false,"__proto__":"\\ud834\\udd1e\\n/"}';
  expect(JSON.stringify(parse(encode(`\t\r\n ${text}\n`)))).toBe(JSON.stringify(JSON.parse(text)));
});

test("skips what is not wanted, and checks it all the same", () => {
  const reader = new JsonReader(encode('{"a":[1,{"b":null},"x",true,false,-2],"c":7}'), "x.json");
  let c = 0;
  reader.object((key) => {
    if (key === "c") c = reader.number();
    else reader.skip();
  });
  reader.end();
  expect(c).toBe(7);
  expect(() => new JsonReader(encode('[{"a":1,"a":2}]'), "x.json").skip()).toThrow('the key "a" appears twice');
});

describe("refuses, with the byte", () => {
  test.each<[string, string]>([
    ["", "expected a value, at byte 0"],
    ["{", "expected a string, at byte 1"],
    ['{"a"', "expected a colon, at byte 4"],
    ['{"a":', "expected a value, at byte 5"],
    ['{"a":1', 'expected a comma or "}", at byte 6'],
    ['{"a":1,}', "expected a string, at byte 7"],
    ['{"a":1,"a":2}', 'the key "a" appears twice, at byte 7'],
    ['{"a":1,"\\u0061":2}', 'the key "a" appears twice, at byte 7'],
    ["{a:1}", "expected a string, at byte 1"],
    ["[1,]", "expected a value, at byte 3"],
    ["[1 2]", 'expected a comma or "]", at byte 3'],
    ["01", "expected a value, at byte 0"],
    ["1.", "expected a value, at byte 0"],
    ["+1", "expected a value, at byte 0"],
    [".5", "expected a value, at byte 0"],
    ["1e", "expected a value, at byte 0"],
    ["-", "expected a value, at byte 0"],
    ["NaN", "expected a value, at byte 0"],
    ["tru", "expected true, at byte 0"],
    ["fals", "expected false, at byte 0"],
    ["nul", "expected null, at byte 0"],
    ["1 1", "there is more text behind the value, at byte 2"],
    ["\uFEFF1", "expected a value, at byte 0"],
    ["\u00a01", "expected a value, at byte 0"],
    ['"abc', "the text ends within a string, at byte 1"],
    ['"abc\\', "the text ends within a string, at byte 1"],
    ['"a\nb"', "a string holds a control character, at byte 2"],
    ['"a\\qb"', "a string holds an invalid escape, at byte 1"],
    ['"\\u12g4"', "a string holds an invalid escape, at byte 1"],
    ['"\\ud800"', "a string holds half of a surrogate pair, at byte 1"],
    ["[".repeat(33), "values are nested more than 32 deep, at byte 33"],
  ])("%j", (text, problem) => {
    expect(() => parse(encode(text))).toThrow(
      expect.objectContaining({ code: "invalid-file", message: `x.json: ${problem}` }),
    );
  });

  test.each([[[0x22, 0xff, 0x22]], [[0x22, 0xc0, 0x80, 0x22]], [[0x22, 0xed, 0xa0, 0x80, 0x22]]])(
    "bytes that are not UTF-8: %j",
    (bytes) => {
      expect(() => parse(Uint8Array.from(bytes))).toThrow("x.json: the text is not valid UTF-8, at byte 1");
    },
  );

  test("and counts from the beginning of the file", () => {
    expect(() => new JsonReader(encode("[x]"), "x.json", 8).skip()).toThrow("at byte 9");
  });
});

test("nesting as deep as allowed is read", () => {
  expect(parse(encode("[".repeat(32) + "]".repeat(32)))).toEqual(JSON.parse("[".repeat(32) + "]".repeat(32)));
});

test(`whatever it accepts of ${fuzzCount} mutated texts, JSON.parse accepts with the same value`, () => {
  const corpus = [
    '{"model_type":"gpt2","n_layer":12,"tie":true,"x":null,"list":[1,-2.5e-3,"a\\u00e9\\n",[]],"o":{"k":{}}}',
    '[0,1,2,{"a":[{"b":[{"c":"𝄞\\ud834\\udd1e"}]}]},true,false,null,"",-0,1E+2]',
    '"text with \\" and \\\\ and é"',
    " [ 1 , 2 ]\n",
    "-12.5e10",
  ].map(encode);
  let accepted = 0;
  for (const input of mutations(corpus, fuzzCount, 1)) {
    let value: unknown;
    try {
      value = parse(input);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      continue;
    }
    accepted++;
    const expected = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input)) as unknown;
    if (JSON.stringify(value) !== JSON.stringify(expected)) expect(value).toEqual(expected);
  }
  expect(accepted).toBeGreaterThan(fuzzCount / 20);
});
