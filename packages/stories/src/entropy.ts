import { storyStart } from "./generate.ts";
import type { Grammar, Template } from "./grammar.ts";
import { storyGrammar } from "./story-grammar.ts";

export interface Entropy {
  /** Of one story, in nats. */
  readonly perStory: number;
  /** The expected length of a story, the blank line before it included. */
  readonly charactersPerStory: number;
  /** The entropy rate of many stories, in nats: the least loss that a model of characters can expect. */
  readonly perCharacter: number;
}

/**
 * The exact entropy of a grammar, the story grammar by default. Where every text has one derivation, a text's entropy
 * is that of the draws: ln n for each draw of one of n, if it takes place. Whether it does depends on which roles
 * were mentioned before, so the sum runs over the sets of roles that may have been, sentence by sentence.
 */
export function storyEntropy(grammar: Grammar = storyGrammar): Entropy {
  let perStory = 0;
  let charactersPerStory = storyStart.length + grammar.length - 1; // and a space between two sentences
  let casts = new Map([["", { roles: new Set<string>(), probability: 1 }]]);
  for (const templates of grammar) {
    const next: typeof casts = new Map();
    for (const { roles, probability } of casts.values()) {
      for (const template of templates) {
        const share = probability / templates.length;
        const mentioned = new Set(roles);
        perStory += share * (Math.log(templates.length) + entropyOfTemplate(template, mentioned));
        const key = [...mentioned].sort().join();
        next.set(key, { roles: mentioned, probability: share + (next.get(key)?.probability ?? 0) });
      }
    }
    casts = next;
    charactersPerStory += mean(templates.map(expectedLength));
  }
  return { perStory, charactersPerStory, perCharacter: perStory / charactersPerStory };
}

/** The entropy of a sentence; adds the roles it mentions. */
function entropyOfTemplate(template: Template, mentioned: Set<string>): number {
  let entropy = 0;
  for (const part of template) {
    if (part.kind === "list") entropy += Math.log(part.words.length);
    if (part.kind === "role" && !mentioned.has(part.role)) {
      entropy += Math.log(part.words.length);
      mentioned.add(part.role);
    }
  }
  return entropy;
}

/** Fillers are uniform wherever they are mentioned, so that expected lengths add up. */
function expectedLength(template: Template): number {
  return template.reduce(
    (sum, part) => sum + (part.kind === "text" ? part.text.length : mean(part.words.map((word) => word.length))),
    0,
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
