import { generateStories, storyStart } from "@gpt/stories";
import type { CorpusId } from "../api/training.ts";
import { EngineError } from "../failure.ts";

/** A text to learn, another to validate with, and what a model is given to show how it writes. */
export interface Corpus {
  readonly train: string;
  readonly validation: string;
  readonly prompt: string;
}

/** The share of one's own text that is kept for validation: its end. */
const validationShare = 0.1;
const sums = 40_000;
/** The end of every hundredth sum is for validation. */
const validationSums = 400;

export function corpusOf(id: CorpusId, own: string | undefined): Corpus {
  switch (id) {
    case "stories":
      return { train: generateStories({ seed: 1, characters: 1_000_000 }), validation: generateStories({ seed: 2, characters: 20_000 }), prompt: storyStart };
    case "sums":
      return { train: writeSums(1, sums), validation: writeSums(2, validationSums), prompt: "\n12+34=" };
    case "own":
      return ownCorpus(own);
  }
}

/** Sums of numbers below a hundred, a line each. */
function writeSums(seed: number, count: number): string {
  let state = seed;
  // The constants of Numerical Recipes: no more than variety is asked for.
  const below100 = (): number => Math.floor(((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 100);
  return Array.from({ length: count }, () => {
    const [a, b] = [below100(), below100()];
    return `\n${a}+${b}=${a + b}`;
  }).join("");
}

function ownCorpus(text: string | undefined): Corpus {
  if (!text) throw new EngineError({ code: "empty-data", message: "there is no text to learn yet; paste some, or choose a file" });
  const boundary = Math.floor(text.length * (1 - validationShare));
  const validation = text.slice(boundary);
  // Words from its own middle, so that every character is known.
  const prompt = /\s?\S[^]{0,11}\s/.exec(validation)?.[0] ?? validation.slice(0, 8);
  return { train: text.slice(0, boundary), validation, prompt };
}
