import { describe, expect, test } from "vitest";
import { storyEntropy } from "./entropy.ts";
import { writeStory } from "./generate.ts";
import { compileGrammar } from "./grammar.ts";
import type { GrammarSource } from "./grammar.ts";
import { storyDerivations, storyLogProbability } from "./parse.ts";

const source: GrammarSource = {
  roles: {
    hero: [
      { name: "Ann", they: "she" },
      { name: "Bo", they: "he" },
      { name: "Ed", they: "he" },
    ],
    // One name begins with the other, so that a reader must look ahead.
    pet: [{ name: "Rex" }, { name: "Rexy" }],
  },
  lists: { verb: ["ran", "ran home"], day: ["Monday", "Friday", "Sunday"] },
  plot: [
    ["{hero} [verb].", "{hero.They}, {hero}, [verb] with {pet}.", "It was [day]."],
    ["{hero.They} had {pet}, and {pet} had {hero}.", "On [day] and [day] {hero} slept."],
  ],
};
const grammar = compileGrammar(source);

/** All texts with the probability of the draws that write them, by going through all sequences of draws. */
function enumerate(): Map<string, number> {
  const texts = new Map<string, number>();
  const choices: number[] = [];
  do {
    const counts: number[] = [];
    const text = writeStory(grammar, (count) => {
      counts.push(count);
      return (choices[counts.length - 1] ??= 0);
    });
    const probability = counts.reduce((product, count) => product / count, 1);
    texts.set(text, (texts.get(text) ?? 0) + probability);
    // The next sequence: count up the last draw that can be.
    choices.length = counts.length;
    while (choices.length > 0 && choices[choices.length - 1] === counts[choices.length - 1] - 1) choices.pop();
    if (choices.length > 0) choices[choices.length - 1]++;
  } while (choices.length > 0);
  return texts;
}

describe("a small grammar, all of whose texts are known", () => {
  const texts = enumerate();

  test("gives each text the probability of its draws; together they make 1", () => {
    let total = 0;
    for (const [text, probability] of texts) {
      expect(Math.exp(storyLogProbability(grammar, text))).toBeCloseTo(probability, 12);
      total += probability;
    }
    expect(texts.size).toBeGreaterThan(200);
    expect(total).toBeCloseTo(1, 12);
  });

  test("has the entropy of those probabilities, and their mean length", () => {
    let entropy = 0;
    let length = 0;
    for (const [text, probability] of texts) {
      entropy -= probability * Math.log(probability);
      length += probability * (text.length + 2);
    }
    const exact = storyEntropy(grammar);
    expect(exact.perStory).toBeCloseTo(entropy, 10);
    expect(exact.charactersPerStory).toBeCloseTo(length, 10);
    expect(exact.perCharacter).toBeCloseTo(entropy / length, 12);
  });

  test("keeps a role's filler, and lists draw anew", () => {
    expect(texts.has("Ann ran. She had Rex, and Rex had Ann.")).toBe(true);
    expect(texts.has("Ann ran. He had Rex, and Rex had Ann.")).toBe(false);
    expect(texts.has("Ann ran. She had Rex, and Rexy had Ann.")).toBe(false);
    expect(texts.has("Ann ran. On Monday and Sunday Ann slept.")).toBe(true);
  });

  test("gives other texts the probability 0", () => {
    for (const text of ["", "Ann ran.", "Ann ran. She had Rex, and Rex had Ann", "Ann ran. He had Rex, and Rex had Ann."]) {
      expect(storyLogProbability(grammar, text)).toBe(-Infinity);
    }
  });
});

test("an ambiguous text has the probability of all its derivations", () => {
  const ambiguous = compileGrammar({ roles: {}, lists: { a: ["x", "xx"] }, plot: [["[a][a]", "xx"]] });
  expect([...storyDerivations(ambiguous, "xx")].filter(({ end }) => end === 2)).toHaveLength(2);
  // "x" twice in the first template, and the second one.
  expect(Math.exp(storyLogProbability(ambiguous, "xx"))).toBeCloseTo(1 / 8 + 1 / 2, 12);
  expect(Math.exp(storyLogProbability(ambiguous, "xxx"))).toBeCloseTo(1 / 4, 12);
});

test.each([
  ["[color]", "the grammar has no \"color\", which the template \"[color]\" asks for; there are verb, day"],
  ["{dog}", "the grammar has no \"dog\", which the template \"{dog}\" asks for; there are hero, pet"],
  ["{pet.they}", "the grammar has no \"they\", which the template \"{pet.they}\" asks for; there are name"],
])("a template with %s, which is not there, is refused", (template, message) => {
  expect(() => compileGrammar({ ...source, plot: [[template]] })).toThrow(message);
});
