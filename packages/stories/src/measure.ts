import { storyStart } from "./generate.ts";
import { parseSentence, parseStory } from "./parse.ts";

export interface SampleMeasure {
  /** Whole sentences. */
  readonly sentences: number;
  /** The share of them that are sentences of the grammar. */
  readonly parsed: number;
  /** The share of them that are not in the training text. */
  readonly novel: number;
  /** Whole stories. */
  readonly stories: number;
  /** The share of them that are stories of the grammar: plot, names and pronouns agree from beginning to end. */
  readonly coherent: number;
}

/**
 * Measures text that a model wrote. Sentences and stories that were not written to their end, which shows by the white
 * space behind, are left out. Shares of nothing are 0.
 */
export function measureSamples(text: string, trainingText: string): SampleMeasure {
  const sentences = wholeSentences(text);
  const stories = text.split(storyStart).slice(0, -1).map((story) => story.trim()).filter((story) => story !== "");
  const known = new Set(wholeSentences(`${trainingText}\n`));
  return {
    sentences: sentences.length,
    parsed: share(sentences, parseSentence),
    novel: share(sentences, (sentence) => !known.has(sentence)),
    stories: stories.length,
    coherent: share(stories, parseStory),
  };
}

/** The sentences of a text that have white space behind. */
function wholeSentences(text: string): string[] {
  const pieces = text.split(/(?<=[.!?]"?)\s+|\n\n/);
  return pieces.slice(0, -1).filter((piece) => piece !== "");
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.length === 0 ? 0 : items.filter(holds).length / items.length;
}
