import { philoxBlock } from "@gpt/tensor";
import { StoriesError } from "./errors.ts";
import type { Grammar, Template } from "./grammar.ts";
import { storyGrammar } from "./story-grammar.ts";

/** What precedes every story, and so what a model is given to begin one: a blank line. */
export const storyStart = "\n\n";

/** How much to write: a number of stories, or whole stories until they have at least a number of characters. */
export type StoryOptions = { readonly seed: number } & (
  | { readonly stories: number; readonly characters?: undefined }
  | { readonly characters: number; readonly stories?: undefined }
);

/**
 * Writes small stories, each after a blank line. The text is a pure function of the options, the same on every
 * platform, and a longer one of the same seed begins with a shorter one.
 */
export function generateStories({ seed, stories = Infinity, characters = Infinity }: StoryOptions): string {
  for (const [name, value] of Object.entries({ seed, stories, characters })) {
    if (!(value >= 0 && (Number.isSafeInteger(value) || value === Infinity))) {
      throw new StoriesError("invalid-option", `generateStories: ${name} must be a whole number from 0, not ${value}`);
    }
  }
  if (stories === Infinity && characters === Infinity) {
    throw new StoriesError("invalid-option", "generateStories: say how much to write, by stories or by characters");
  }
  let text = "";
  for (let story = 0; story < stories && text.length < characters; story++) {
    text += storyStart + writeStory(storyGrammar, drawsOf(seed, story));
  }
  return text;
}

/** Gives a whole number from 0 to `count − 1`. */
export type Draw = (count: number) => number;

/** Writes one story, without the blank line. Each part of it is one draw. */
export function writeStory(grammar: Grammar, draw: Draw): string {
  const cast = new Map<string, number>();
  return grammar.map((templates) => writeSentence(templates[draw(templates.length)], cast, draw)).join(" ");
}

/** Fills a template in; roles that it mentions first join the cast. */
function writeSentence(template: Template, cast: Map<string, number>, draw: Draw): string {
  let sentence = "";
  for (const part of template) {
    if (part.kind === "text") {
      sentence += part.text;
    } else if (part.kind === "list") {
      sentence += part.words[draw(part.words.length)];
    } else {
      const filler = cast.get(part.role) ?? draw(part.words.length);
      cast.set(part.role, filler);
      sentence += part.words[filler];
    }
  }
  return sentence;
}

/** The draws of one story of a seed: one Philox block each. */
function drawsOf(seed: number, story: number): Draw {
  const key = { seed: [seed >>> 0, Math.floor(seed / 2 ** 32)], stream: [story, 0] } as const;
  const words = new Uint32Array(4);
  let block = 0;
  return (count) => {
    philoxBlock(key, block++, words);
    return Math.floor(words[0] * 2 ** -32 * count);
  };
}
