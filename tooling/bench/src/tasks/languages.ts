import { drawsOf, words } from "./draw.ts";
import type { Draw } from "./draw.ts";
import type { WritingRecord } from "./records.ts";

/**
 * Two invented languages that say the same things. The first has articles, its order is subject, verb, object, adjectives come
 * before nouns, and prefixes of the verb tell the time. The second has no article, its order is subject, object, verb, adjectives
 * follow nouns and agree with their class, particles mark what a noun is for, and a word at the end tells the time.
 */
interface Word {
  readonly first: string;
  readonly second: string;
}

interface Noun extends Word {
  /** The second language has two classes of nouns, with adjectives of two endings. */
  readonly class: 0 | 1;
}

interface Lexicon {
  readonly nouns: readonly Noun[];
  readonly adjectives: readonly Word[];
  readonly verbs: readonly Word[];
}

interface Phrase {
  readonly noun: Noun;
  readonly adjective?: Word;
  readonly plural: boolean;
}

const times = [{ prefix: "", particle: "" }, { prefix: "ta", particle: " sen" }, { prefix: "su", particle: " vol" }] as const;
const numbers = { nouns: 40, adjectives: 20, verbs: 24 };

/** Sentences of the first language, and what they are in the second. */
export function* translations(seed: number): Generator<WritingRecord> {
  const draw = drawsOf(seed);
  const lexicon = lexiconOf();
  for (;;) {
    const subject = phrase(draw, lexicon);
    const object = draw.chance(0.7) ? phrase(draw, lexicon) : undefined;
    const verb = draw.of(lexicon.verbs);
    const [time, negated] = [draw.of(times), draw.chance(0.25)];
    const first = [firstPhrase(subject), ...(negated ? ["nu"] : []), time.prefix + verb.first, ...(object ? [firstPhrase(object)] : [])];
    const second = [`${secondPhrase(subject)} ga`, ...(object ? [`${secondPhrase(object)} wo`] : []), verb.second + (negated ? "mu" : "") + time.particle];
    yield { prompt: `${first.join(" ")}.\n`, completion: `${second.join(" ")}.` };
  }
}

function lexiconOf(): Lexicon {
  const draw = drawsOf(1);
  const pairs = (count: number, ending: string): Word[] => {
    const second = words(draw, count, "kmtnshryw", "aiueo", ending);
    return words(draw, count, "bdlrvzpg", "aeio", "").map((first, i) => ({ first, second: second[i] }));
  };
  return {
    nouns: pairs(numbers.nouns, "").map((word) => ({ ...word, class: draw.chance(0.5) ? 1 : 0 })),
    adjectives: pairs(numbers.adjectives, ""),
    verbs: pairs(numbers.verbs, "ru"),
  };
}

function phrase(draw: Draw, { nouns, adjectives }: Lexicon): Phrase {
  return { noun: draw.of(nouns), plural: draw.chance(0.4), ...(draw.chance(0.5) && { adjective: draw.of(adjectives) }) };
}

function firstPhrase({ noun, adjective, plural }: Phrase): string {
  return [plural ? "li" : "lo", ...(adjective ? [adjective.first] : []), noun.first + (plural ? "n" : "")].join(" ");
}

function secondPhrase({ noun, adjective, plural }: Phrase): string {
  const agreeing = adjective && adjective.second + (noun.class === 0 ? "k" : "sh");
  return [noun.second + (plural ? "ke" : ""), ...(agreeing ? [agreeing] : [])].join(" ");
}
