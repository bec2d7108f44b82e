import { storyStart } from "./generate.ts";
import type { Grammar, Part, Template } from "./grammar.ts";
import { storyGrammar } from "./story-grammar.ts";

/** A way to derive the beginning of a text. */
export interface Derivation {
  /** Characters derived. */
  readonly end: number;
  /** The natural logarithm of the probability of the draws. */
  readonly logProbability: number;
  /** The filler of each role that was mentioned. */
  readonly cast: ReadonlyMap<string, number>;
}

const nothing: Derivation = { end: 0, logProbability: 0, cast: new Map() };

/** Whether a text is one sentence of the stories, from its first letter to its period or closing quotation mark. */
export function parseSentence(text: string): boolean {
  return storyGrammar.some((templates) => isComplete(text, sentences(templates, text, nothing)));
}

/** Whether a text is one whole story, names and pronouns in agreement; without the blank line before it. */
export function parseStory(text: string): boolean {
  return isComplete(text, storyDerivations(storyGrammar, text));
}

/**
 * The natural logarithm of the probability of stories, each after a blank line, as `generateStories` writes them, given
 * how many they are. Divided by the characters, it is the negative of the least loss that any model can expect there.
 * −Infinity where the text is none of the grammar's.
 */
export function logProbability(text: string): number {
  const [before, ...stories] = text.split(storyStart);
  if (before !== "") return -Infinity;
  return stories.reduce((sum, story) => sum + storyLogProbability(storyGrammar, story), 0);
}

/** That of one story: of all its derivations together. */
export function storyLogProbability(grammar: Grammar, story: string): number {
  let probability = 0;
  for (const { end, logProbability } of storyDerivations(grammar, story)) {
    if (end === story.length) probability += Math.exp(logProbability);
  }
  return Math.log(probability);
}

/** All ways to derive a story which is a beginning of `text`. */
export function* storyDerivations(grammar: Grammar, text: string, sentence = 0, from = nothing): Generator<Derivation> {
  if (sentence === grammar.length) {
    yield from;
    return;
  }
  const spaced = sentence === 0 ? [from] : match({ kind: "text", text: " " }, text, from);
  for (const start of spaced) {
    for (const next of sentences(grammar[sentence], text, start)) {
      yield* storyDerivations(grammar, text, sentence + 1, next);
    }
  }
}

function* sentences(templates: readonly Template[], text: string, from: Derivation): Generator<Derivation> {
  const start = draw(from, templates.length);
  for (const template of templates) yield* partsFrom(0, template, text, start);
}

function* partsFrom(index: number, template: Template, text: string, from: Derivation): Generator<Derivation> {
  if (index === template.length) {
    yield from;
    return;
  }
  for (const next of match(template[index], text, from)) yield* partsFrom(index + 1, template, text, next);
}

/** The ways in which one part can go on. */
function* match(part: Part, text: string, from: Derivation): Generator<Derivation> {
  if (part.kind === "text") {
    if (text.startsWith(part.text, from.end)) yield advance(from, part.text);
    return;
  }
  const { words } = part;
  const known = part.kind === "role" ? from.cast.get(part.role) : undefined;
  if (known !== undefined) {
    if (text.startsWith(words[known], from.end)) yield advance(from, words[known]);
    return;
  }
  for (const [index, word] of words.entries()) {
    if (!text.startsWith(word, from.end)) continue;
    const next = advance(draw(from, words.length), word);
    yield part.kind === "role" ? { ...next, cast: new Map(next.cast).set(part.role, index) } : next;
  }
}

function advance(from: Derivation, word: string): Derivation {
  return { ...from, end: from.end + word.length };
}

function draw(from: Derivation, count: number): Derivation {
  return { ...from, logProbability: from.logProbability - Math.log(count) };
}

function isComplete(text: string, derivations: Iterable<Derivation>): boolean {
  for (const { end } of derivations) if (end === text.length) return true;
  return false;
}
