import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { storyEntropy } from "./entropy.ts";
import { generateStories, storyStart } from "./generate.ts";
import { logProbability, parseSentence, parseStory, storyDerivations } from "./parse.ts";
import { storyGrammar } from "./story-grammar.ts";

const full = process.env.GPT_VERIFY === "1";
const text = generateStories({ seed: 5, stories: full ? 20_000 : 1000 });
const stories = text.split(storyStart).slice(1);
const sentences = stories.flatMap((story) => story.split(/(?<=[.]"?) /));

describe("generateStories", () => {
  test("writes the same on every platform", () => {
    const text = generateStories({ seed: 2 ** 40 + 7, stories: 100 });
    expect(createHash("sha256").update(text).digest("hex")).toMatchInlineSnapshot(`"e976a604cbf90effc09b150a45976bcc403eef93f8d1bd99b1368199a3117bf6"`);
    expect(generateStories({ seed: 1, stories: 1 })).toMatchInlineSnapshot(`
      "

      In a cozy cottage behind the bakery lived a cheerful girl named Emma. One foggy afternoon she wanted to find a golden key for her father. She looked in the market and under the bench, but she found no golden key and felt afraid. "Emma, I know where to find a golden key," said Pip the mouse, who was dancing under the hedge. Pip led Emma through the reeds, where something glittered under the boat, and it was the golden key. From that morning on, Emma and Pip read books together every spring."
    `);
  });

  test("goes on from a shorter text, to as many stories or characters as are wanted", () => {
    expect(text.startsWith(generateStories({ seed: 5, stories: 7 }))).toBe(true);
    const enough = generateStories({ seed: 5, characters: 5000 });
    expect(text.startsWith(enough)).toBe(true);
    expect(enough.length).toBeGreaterThanOrEqual(5000);
    expect(enough.lastIndexOf(storyStart)).toBeLessThan(5000);
    expect(generateStories({ seed: 5, stories: 0 })).toBe("");
  });

  test("writes other stories for other seeds, and no story twice", () => {
    const other = generateStories({ seed: 6, stories: 1000 }).split(storyStart).slice(1);
    expect(new Set([...stories, ...other]).size).toBe(stories.length + other.length);
  });

  test.each([
    [{ seed: -1, stories: 1 }, "seed must be a whole number from 0, not -1"],
    [{ seed: 1, stories: 0.5 }, "stories must be a whole number from 0, not 0.5"],
    [{ seed: 1, stories: Infinity }, "say how much to write, by stories or by characters"],
    [{ seed: 1, characters: NaN }, "characters must be a whole number from 0, not NaN"],
  ])("refuses %o", (options, message) => {
    expect(() => generateStories(options)).toThrow(message);
  });
});

describe("the story grammar", () => {
  test("is unambiguous: every story has one derivation", () => {
    for (const story of stories) {
      const whole = [...storyDerivations(storyGrammar, story)].filter(({ end }) => end === story.length);
      expect(whole).toHaveLength(1);
    }
  });

  test("every sentence and every story of it parses", () => {
    expect(sentences.length).toBe(6 * stories.length);
    expect(sentences.filter((sentence) => !parseSentence(sentence))).toEqual([]);
    expect(stories.filter((story) => !parseStory(story))).toEqual([]);
  });

  test("has the entropy that its stories show", () => {
    const { perStory, charactersPerStory, perCharacter } = storyEntropy();
    const information = stories.map((story) => -logProbability(storyStart + story));
    const mean = information.reduce((sum, nats) => sum + nats) / stories.length;
    const variance = information.reduce((sum, nats) => sum + (nats - mean) ** 2, 0) / stories.length;
    expect(Math.abs(mean - perStory)).toBeLessThan(4 * Math.sqrt(variance / stories.length));
    expect(text.length / stories.length / charactersPerStory).toBeCloseTo(1, 2);
    expect(-logProbability(text) / text.length / perCharacter).toBeCloseTo(1, 2);
  });

  test("no sentence parses with a strange character, one doubled, two swapped, or the rest missing", () => {
    const mutations: ((sentence: string, at: number) => string)[] = [
      (sentence, at) => `${sentence.slice(0, at)}#${sentence.slice(at + 1)}`,
      (sentence, at) => sentence.slice(0, at) + sentence[at] + sentence.slice(at),
      (sentence, at) => sentence.slice(0, at) + sentence[at + 1] + sentence[at] + sentence.slice(at + 2),
      (sentence, at) => sentence.slice(0, at),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...sentences.slice(0, 6000)), fc.nat(), fc.constantFrom(...mutations), (sentence, at, mutate) => {
        const changed = mutate(sentence, at % (sentence.length - 1));
        expect(parseSentence(changed)).toBe(changed === sentence);
      }),
      { numRuns: full ? 100_000 : 2000 },
    );
  });

  test.each([
    ["Emma hugged Otto.", "no template"],
    ["In a small hut by the river lived a quiet girl named Max.", "Max is a boy"],
    ["In a small hut by the river lived a quiet boy named Ben.", "Ben is gentle"],
    ["Together Otto and Emma went over the hill, and there lay the red kite.", "the child comes first"],
    ["There she met Otto the fox, who was reading under the hedge.", "Otto is an owl"],
    ["In a small hut by the river lived a quiet boy named Max. ", "white space behind"],
    ["In a small hut by the river lived a quiet boy named Max", "no period"],
    ["", "nothing"],
  ])("%j is no sentence: %s", (sentence) => {
    expect(parseSentence(sentence)).toBe(false);
  });

  test("a sentence may speak of anybody, but a whole story agrees", () => {
    const rename = (text: string): string => text.replaceAll("Emma", "Nora").replaceAll("cheerful", "shy");
    const story = stories.find((candidate) => candidate.includes("Emma"))!;
    const [first, ...rest] = story.split(/(?<=[.]"?) /);
    expect(parseStory([first, ...rest].join(" "))).toBe(true);
    expect(parseSentence(rename(first))).toBe(true);
    expect(parseStory([rename(first), ...rest].join(" "))).toBe(false);
    expect(parseStory(rename(story))).toBe(true);
  });
});

describe("logProbability", () => {
  test("adds up over stories", () => {
    const [a, b] = stories;
    const together = logProbability(storyStart + a + storyStart + b);
    expect(together).toBeCloseTo(logProbability(storyStart + a) + logProbability(storyStart + b), 9);
    expect(logProbability("")).toBe(0);
  });

  test("is −Infinity for what the grammar does not write", () => {
    expect(logProbability(stories[0])).toBe(-Infinity);
    expect(logProbability(`${storyStart}${stories[0]}\n`)).toBe(-Infinity);
    expect(logProbability(text.slice(0, -1))).toBe(-Infinity);
  });
});
