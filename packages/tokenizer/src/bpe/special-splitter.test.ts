import fc from "fast-check";
import { expect, it } from "vitest";
import { specialToken } from "./added-tokens.ts";
import { SpecialSplitter } from "./special-splitter.ts";

function split(texts: readonly string[], tokens: readonly string[]): string[] {
  const splitter = new SpecialSplitter(tokens.map((token, index) => specialToken(token, index)));
  return [...texts.flatMap((text) => [...splitter.push(text)]), ...splitter.flush()].filter((text) => text !== "");
}

/** The same, looked at from the end: all texts are there, and each position is part of a token or is not. */
function naiveSplit(texts: readonly string[], tokens: readonly string[]): string[] {
  const whole = texts.join("");
  const borders = new Set<number>();
  let length = 0;
  for (const text of texts) borders.add((length += text.length));
  const pieces = [""];
  for (let at = 0; at < whole.length; ) {
    const found = tokens.filter((token) => whole.startsWith(token, at)).sort((a, b) => b.length - a.length)[0];
    if (found !== undefined) pieces.push("");
    else pieces[pieces.length - 1] += whole[at];
    const next = at + (found?.length ?? 1);
    if (borders.has(next)) pieces.push("");
    at = next;
  }
  return pieces.filter((piece) => piece !== "");
}

it("finds tokens that are cut across texts, and keeps plain text as it came", () => {
  const tokens = ["<|endoftext|>", "END"];
  expect(split(["She sells.<|endo", "ftext", "|>He buys.<|end"], tokens)).toEqual(["She sells.", "He buys.<|end"]);
  expect(split(["the E", "ND of the EN", "d", "", "<", "|"], tokens)).toEqual(["the ", " of the EN", "d", "<", "|"]);
  expect(split(["END", "<|endoftext|>"], tokens)).toEqual([]);
  expect(split(["a", "b"], [])).toEqual(["a", "b"]);
});

it("takes the longest token, even where its rest comes later", () => {
  const tokens = ["<a>", "<a><b>", "<a><b>c"];
  expect(split(["x<a>", "<b", ">", "y"], tokens)).toEqual(["x", "y"]);
  expect(split(["x<a>", "<b", "y"], tokens)).toEqual(["x", "<b", "y"]);
  expect(split(["x<a><b>c"], tokens)).toEqual(["x"]);
});

it("splits as if all texts were there at once", () => {
  const letters = fc.constantFrom("a", "b", "c");
  const token = fc.string({ unit: letters, minLength: 1, maxLength: 6, size: "max" });
  const texts = fc.array(fc.string({ unit: letters, maxLength: 12, size: "max" }), { maxLength: 12, size: "max" });
  let cut = 0;
  fc.assert(
    fc.property(texts, fc.uniqueArray(token, { maxLength: 4, size: "max" }), (texts, tokens) => {
      const pieces = split(texts, tokens);
      expect(pieces).toEqual(naiveSplit(texts, tokens));
      const alone = texts.flatMap((text) => split([text], tokens));
      if (alone.join("") !== pieces.join("")) cut++;
    }),
    { numRuns: 3000, seed: 1 },
  );
  // Texts in which a token is cut.
  expect(cut).toBeGreaterThan(100);
});

it("takes time that grows with the text where each text may begin a token", () => {
  const texts = Array.from({ length: 200_000 }, () => "<");
  expect(split(texts, ["<|endoftext|>"])).toHaveLength(200_000);
});
