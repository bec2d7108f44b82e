import { gpt2 } from "@gpt/tokenizer/gpt2";

export interface CorpusOptions {
  /** About so many bytes of UTF-8. */
  readonly bytes: number;
  /** How many different words there are: the frequent ones are English, the tail is made of syllables. */
  readonly words: number;
  /** Whether some paragraphs are in other scripts than Latin. Default false. */
  readonly scripts?: boolean;
}

const syllables = (
  "an ar bel bor cal cor dan der du el en er fal fen gar gol ha hel im in ka kel lan len lo ma mar men mi mon na nel no " +
  "or os pa pel po qua ra ren ri ro sa sel si so sta ta tel ti to tra ul un va vel vi vo wen za"
).split(" ");
/** First and last letter of alphabets, with and without spaces between words. */
const alphabets = [
  { first: "а", last: "я" },
  { first: "α", last: "ω" },
  { first: "ا", last: "ي" },
  { first: "क", last: "ह" },
  { first: "가", last: "힣" },
  { first: "一", last: "龥", joined: true },
];

/**
 * Paragraphs that are always the same, and like real text in what matters to a tokenizer: the frequency of words falls as
 * one over their rank (Zipf 1949), so that there is a long tail of rare ones; there are sentences, capitals, punctuation,
 * numbers and, if wanted, other scripts. Each ends with two newlines.
 */
export function* corpus({ bytes, words: wordCount, scripts = false }: CorpusOptions): Generator<string> {
  const random = randomNumbers(1);
  const english = englishWords();
  const below = (count: number): number => Math.floor(random() * count);
  const latinWord = (): string => {
    if (random() < 0.02) return below(4) === 0 ? `${below(100)}.${below(100)}` : `${1000 + below(1050)}`;
    const rank = zipf(wordCount, random());
    return rank < english.length ? english[rank] : inventedWord(rank - english.length);
  };
  const foreignWord = ({ first, last }: (typeof alphabets)[number]): string => {
    const start = first.charCodeAt(0);
    const count = last.charCodeAt(0) - start + 1;
    const letters = randomNumbers(zipf(50_000, random()) + start);
    const length = 1 + Math.floor(letters() * 8);
    return Array.from({ length }, () => String.fromCharCode(start + zipf(count, letters()))).join("");
  };

  for (let written = 0; written < bytes;) {
    const alphabet = scripts && random() < 0.06 ? alphabets[below(alphabets.length)] : undefined;
    const word = alphabet ? () => foreignWord(alphabet) : latinWord;
    const sentences = Array.from({ length: 2 + below(6) }, () => {
      const words = Array.from({ length: 4 + below(20) }, word).map((word) => word + (random() < 0.07 ? "," : ""));
      const text = words.join(alphabet?.joined ? "" : " ");
      const sentence = text.charAt(0).toUpperCase() + text.slice(1).replace(/,$/, "");
      const [quote, end] = [random() < 0.08 ? '"' : "", random()];
      return `${quote}${sentence}${end < 0.85 ? "." : end < 0.95 ? "?" : "!"}${quote}`;
    });
    const paragraph = `${sentences.join(" ")}\n\n`;
    yield paragraph;
    written += Buffer.byteLength(paragraph);
  }
}

/** The words in GPT-2's vocabulary, which holds the frequent ones first. */
function englishWords(): string[] {
  const tokenizer = gpt2();
  const words: string[] = [];
  for (let id = 256; id < tokenizer.vocabSize - 1; id++) {
    const token = tokenizer.decode([id]);
    if (/^ [a-z]{2,}$/.test(token) && /[aeiouy]/.test(token)) words.push(token.slice(1));
  }
  return words;
}

/** Word `index` of the tail: three syllables or more. */
function inventedWord(index: number): string {
  let word = "";
  for (let rest = index + syllables.length ** 2; rest > 0; rest = Math.floor(rest / syllables.length)) {
    word += syllables[rest % syllables.length];
  }
  return word;
}

/** A rank below `count` with a probability of about 1 / (rank + 2.7) (Mandelbrot 1953), from a uniform number. */
function zipf(count: number, uniform: number): number {
  const shift = 2.7;
  return Math.min(count - 1, Math.floor(shift * ((count + shift) / shift) ** uniform - shift));
}

/** Uniform numbers in [0, 1) (Steele & Vigna, SplitMix32's mixing). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e37_79b9) >>> 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a_2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
}
