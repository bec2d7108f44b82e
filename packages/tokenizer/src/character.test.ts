import fc from "fast-check";
import { expect, it } from "vitest";
import { CharacterTokenizer } from "./character.ts";
import { anyText } from "../test/texts.ts";
import { wellFormed } from "./unicode/text.ts";

it("numbers characters in the order of their code points", () => {
  const tokenizer = CharacterTokenizer.fromText("hello, 😀\uFF5E!");
  expect(tokenizer.characters.join("")).toBe(" !,ehlo\uFF5E😀");
  expect(tokenizer.vocabSize).toBe(9);
  expect(tokenizer.endOfText).toBeUndefined();
  expect(tokenizer.encode("hello 😀")).toEqual([4, 3, 5, 5, 6, 0, 8]);
  expect(tokenizer.decode([8, 0, 4])).toBe("😀 h");
});

it("gives every text back, all at once and streamed", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      fc.pre(text !== "");
      const tokenizer = CharacterTokenizer.fromText([text]);
      const ids = tokenizer.encode(text);
      expect(tokenizer.decode(ids)).toBe(wellFormed(text));
      const decoder = tokenizer.createDecoder();
      expect(ids.map((id) => decoder.push(id)).join("") + decoder.flush()).toBe(wellFormed(text));
    }),
    { numRuns: 300, seed: 1 },
  );
});

it("reads texts that come one by one", async () => {
  async function* texts(): AsyncGenerator<string> {
    await Promise.resolve();
    yield "ba";
    yield "cab";
  }
  expect((await CharacterTokenizer.fromText(texts())).characters).toEqual(["a", "b", "c"]);
  expect(CharacterTokenizer.fromText(["ba", "cab"]).characters).toEqual(["a", "b", "c"]);
});

it("shows an unknown character, and where it is", () => {
  const tokenizer = CharacterTokenizer.fromText("abc\n😀");
  expect(() => tokenizer.encode("abc\n😀é")).toThrowErrorMatchingInlineSnapshot(
    `[TokenizerError: the character "é" (U+00E9) at line 2, column 2 is not among the tokenizer's 5 characters; build the tokenizer from text that has it]`,
  );
  expect(() => tokenizer.encode("\uD800")).toThrow(/"\\ud800" \(U\+D800\) at line 1, column 1/);
});

it("refuses ids that there are not", () => {
  for (const id of [-1, 0.5, 3, NaN]) {
    expect(() => CharacterTokenizer.fromText("abc").decode([id])).toThrow(
      `there is no token ${id}; ids go from 0 to 2`,
    );
  }
});

it("refuses to be made of nothing, or of what are no characters", () => {
  expect(() => CharacterTokenizer.fromText("")).toThrow(/the text is empty/);
  expect(() => new CharacterTokenizer([])).toThrow(/at least one character/);
  expect(() => new CharacterTokenizer(["a", "bc"])).toThrow(/entry 1, "bc", is not one character/);
  expect(() => new CharacterTokenizer(["\uD800"])).toThrow(/entry 0/);
  expect(() => new CharacterTokenizer(["a", "b", "a"])).toThrow('the character "a" (U+0061) appears twice');
});

it("decodes ids without a token as the caller says", () => {
  const tokenizer = CharacterTokenizer.fromText("abc");
  expect([-1, 0, 2, 3, 0.5].map((id) => tokenizer.hasToken(id))).toEqual([false, true, true, false, false]);
  expect(tokenizer.decode([0, 3, 2], { withoutToken: "skip" })).toBe("ac");
  expect(tokenizer.createDecoder({ withoutToken: "skip" }).push(3)).toBe("");
  expect(tokenizer.roles).toEqual({});
});
