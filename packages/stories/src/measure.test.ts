import { expect, test } from "vitest";
import { generateStories, storyStart } from "./generate.ts";
import { measureSamples } from "./measure.ts";

const training = generateStories({ seed: 1, stories: 500 });
const first = training.split(storyStart)[1];

test("all of a training text parses, and none of it is new", () => {
  const measure = measureSamples(training + storyStart, training);
  expect(measure).toEqual({ sentences: 3000, parsed: 1, novel: 0, stories: 500, coherent: 1 });
});

test("stories of another seed parse, and most of their sentences are new", () => {
  const measure = measureSamples(generateStories({ seed: 2, stories: 500 }) + storyStart, training);
  expect(measure.parsed).toBe(1);
  expect(measure.novel).toBeGreaterThan(0.8);
});

test("leaves out what was not written to its end", () => {
  const cut = first.slice(0, -10);
  expect(measureSamples(cut, training)).toEqual({ sentences: 5, parsed: 1, novel: 0, stories: 0, coherent: 0 });
  expect(measureSamples(`${first}\n\n${cut}`, training).sentences).toBe(11);
  // The closing quotation mark may be missing.
  expect(measureSamples('Then Otto the owl came by and said, "Emma, come with me.', training).sentences).toBe(0);
});

test("counts what is wrong", () => {
  const wrong = 'Emma sang. "Hello," said Otto. And';
  expect(measureSamples(wrong, training)).toEqual({ sentences: 2, parsed: 0, novel: 1, stories: 0, coherent: 0 });
  const story = `${first.replace(/\w+\.$/, "xyz.")}${storyStart}`;
  const measure = measureSamples(story, training);
  expect(measure.parsed).toBeCloseTo(5 / 6);
  expect(measure.novel).toBeCloseTo(1 / 6);
  expect(measure.coherent).toBe(0);
});

test("a story without its end joined to the next is not whole sentences", () => {
  expect(measureSamples(`Emma was${storyStart}${first}${storyStart}`, training)).toMatchObject({
    sentences: 7,
    parsed: 6 / 7,
    stories: 2,
    coherent: 0.5,
  });
});

test("nothing has shares of 0", () => {
  expect(measureSamples("", "")).toEqual({ sentences: 0, parsed: 0, novel: 0, stories: 0, coherent: 0 });
});
