/**
 * The stem of an English word in lower case: Porter's algorithm ("An algorithm for suffix stripping", 1980) with the
 * extensions of NLTK's `PorterStemmer`, which rouge-score uses. What differs from the paper is marked NLTK.
 */
export function porterStem(word: string): string {
  const irregular = irregularForms.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  return [plural, pastOrGerund, finalY, doubleSuffix, simpleSuffix, lastSuffix, finalE, finalDoubleL]
    .reduce((stem, step) => step(stem), word);
}

// NLTK.
const irregularForms: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ["sky", "sky"], ["skies", "sky"], ["dying", "die"], ["lying", "lie"], ["tying", "tie"], ["news", "news"],
  ["innings", "inning"], ["inning", "inning"], ["outings", "outing"], ["outing", "outing"], ["cannings", "canning"],
  ["canning", "canning"], ["howe", "howe"], ["proceed", "proceed"], ["exceed", "exceed"], ["succeed", "succeed"],
]);

type Condition = (stem: string) => boolean;
type Rule = readonly [suffix: string, replacement: string];

/** Consonants and vowels of a word, as "c" and "v"; y is a vowel behind a consonant. */
function shape(word: string): string {
  let shape = "";
  for (const letter of word) {
    const vowel = letter === "y" ? shape.endsWith("c") : "aeiou".includes(letter);
    shape += vowel ? "v" : "c";
  }
  return shape;
}

/** The paper's m: how often a vowel is followed by a consonant. */
function measure(stem: string): number {
  return shape(stem).split("vc").length - 1;
}

const positive: Condition = (stem) => measure(stem) > 0;
const aboveOne: Condition = (stem) => measure(stem) > 1;

/** The paper's *d. */
function endsDouble(word: string): boolean {
  return word.length >= 2 && word.at(-1) === word.at(-2) && shape(word).endsWith("c");
}

/** The paper's *o; of two letters, a vowel and a consonant too (NLTK). */
function endsShort(word: string): boolean {
  const form = shape(word);
  return form === "vc" || (form.endsWith("cvc") && !/[wxy]$/.test(word));
}

/** Applies the first rule whose suffix a word has, if its stem meets the condition; no other rule is tried. */
function replaceSuffix(word: string, rules: readonly Rule[], condition: Condition): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (!rule) return word;
  const stem = word.slice(0, word.length - rule[0].length);
  return condition(stem) ? stem + rule[1] : word;
}

/** Step 1a. */
function plural(word: string): string {
  if (word.length === 4 && word.endsWith("ies")) return word.slice(0, -1); // NLTK: dies, die.
  return replaceSuffix(word, [["sses", "ss"], ["ies", "i"], ["ss", "ss"], ["s", ""]], () => true);
}

/** Step 1b. */
function pastOrGerund(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2); // NLTK: died, die; spied, spi.
  if (word.endsWith("eed")) return positive(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const suffix = ["ed", "ing"].find((suffix) => word.endsWith(suffix));
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  if (!shape(stem).includes("v")) return word;
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (endsDouble(stem)) return /[lsz]$/.test(stem) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

/** Step 1c, as NLTK has it: behind a consonant that is not the first letter. */
function finalY(word: string): string {
  return replaceSuffix(word, [["y", "i"]], (stem) => stem.length > 1 && shape(stem).endsWith("c"));
}

const doubleSuffixes: readonly Rule[] = [
  ["ational", "ate"], ["tional", "tion"], ["enci", "ence"], ["anci", "ance"], ["izer", "ize"], ["bli", "ble"],
  ["alli", "al"], ["entli", "ent"], ["eli", "e"], ["ousli", "ous"], ["ization", "ize"], ["ation", "ate"], ["ator", "ate"],
  ["alism", "al"], ["iveness", "ive"], ["fulness", "ful"], ["ousness", "ous"], ["aliti", "al"], ["iviti", "ive"],
  ["biliti", "ble"], ["fulli", "ful"],
];

/** Step 2. */
function doubleSuffix(word: string): string {
  if (word.endsWith("alli") && positive(word.slice(0, -4))) return doubleSuffix(word.slice(0, -2)); // NLTK.
  if (word.endsWith("logi")) return positive(word.slice(0, -3)) ? word.slice(0, -1) : word; // NLTK: the l counts.
  return replaceSuffix(word, doubleSuffixes, positive);
}

/** Step 3. */
function simpleSuffix(word: string): string {
  const rules: Rule[] = [
    ["icate", "ic"], ["ative", ""], ["alize", "al"], ["iciti", "ic"], ["ical", "ic"], ["ful", ""], ["ness", ""],
  ];
  return replaceSuffix(word, rules, positive);
}

const lastSuffixes =
  /(al|ance|ence|er|ic|able|ible|ant|ement|ment|ent|ion|ou|ism|ate|iti|ous|ive|ize)$/;

/** Step 4. */
function lastSuffix(word: string): string {
  const suffix = lastSuffixes.exec(word)?.[0];
  if (suffix === undefined) return word;
  return replaceSuffix(word, [[suffix, ""]], (stem) => aboveOne(stem) && (suffix !== "ion" || /[st]$/.test(stem)));
}

/** Step 5a. */
function finalE(word: string): string {
  return replaceSuffix(word, [["e", ""]], (stem) => aboveOne(stem) || (measure(stem) === 1 && !endsShort(stem)));
}

/** Step 5b. */
function finalDoubleL(word: string): string {
  return word.endsWith("ll") && aboveOne(word.slice(0, -1)) ? word.slice(0, -1) : word;
}
