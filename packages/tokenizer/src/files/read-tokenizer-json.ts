import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { maxVocabSize } from "../bpe/vocabulary.ts";
import { CharacterTokenizer } from "../character.ts";
import { expressions, patternNames } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { wellFormed } from "../unicode/text.ts";
import { SpelledTokens } from "./spelled-tokens.ts";
import { JsonValue } from "./json.ts";
import type { TextFile } from "./json.ts";

/** The pattern that splits text into its characters. */
export const anyCharacter = String.raw`[\s\S]`;

/** Bounds on added tokens, since text is searched for them. Those in use have some tens of characters each. */
const longestAddedToken = 1000;
const longestAddedTokens = 2 ** 20;

/**
 * Reads the text of a `tokenizer.json` of Hugging Face's tokenizers: byte-level BPE with one of the patterns that this
 * package knows, or a WordLevel model of single characters. What such a file may ask for and this package does not do
 * (a normalizer, truncation, …) throws `unsupported-file`, what is wrong in it `invalid-file`; both name the field.
 */
export function readTokenizerJson(file: TextFile, endOfText: string): Tokenizer {
  const root = JsonValue.parse(file);
  root.get("version").expect("1.0");
  root.get("truncation").expect();
  root.get("padding").expect();
  root.get("normalizer").expect();
  const model = root.get("model");
  if (model.get("type").value === "WordLevel") return readCharacters(root, model);

  // Old files leave the type of a BPE model out.
  model.get("type").expect("BPE");
  const pattern = readPattern(root.get("pre_tokenizer"));
  for (const step of steps(root.get("post_processor"), "processors")) step.get("type").expect("ByteLevel");
  const decoders = [...steps(root.get("decoder"), "decoders")];
  if (decoders.length !== 1 || decoders[0].get("type").value !== "ByteLevel") {
    throw root.get("decoder").unsupported("is not ByteLevel");
  }
  const { specialTokens, addedTokens } = readAddedTokens(root.get("added_tokens"));
  for (const name of ["continuing_subword_prefix", "end_of_word_suffix"]) model.get(name).expect("");
  model.get("dropout").expect(0);
  model.get("byte_fallback").expect(false);

  const spelled = new SpelledTokens(model.get("vocab"), new Map([...specialTokens, ...addedTokens]), file.name);
  const merges = spelled.merges(readMerges(model.get("merges")), (index) => `model.merges[${index}]`);
  const ignoresMerges = !model.get("ignore_merges").isAbsent && model.get("ignore_merges").boolean();
  const unmergeable = ignoresMerges ? spelled.unmergeable(merges) : [];
  return new BytePairTokenizer({
    pattern,
    tokens: spelled.tokens,
    merges,
    unmergeable,
    specialTokens,
    addedTokens,
    endOfText,
  });
}

/** The steps of a part that may be one step, a Sequence of some, or null. */
function* steps(part: JsonValue, listName: string): Generator<JsonValue> {
  if (part.isAbsent) return;
  if (part.get("type").value === "Sequence") yield* part.get(listName).items();
  else yield part;
}

function readPattern(part: JsonValue): PatternName {
  const [first, second, ...more] = steps(part, "pretokenizers");
  const last = second ?? first;
  const isByteLevel = last && more.length === 0 && last.get("type").value === "ByteLevel";
  if (!isByteLevel) throw part.unsupported("is neither ByteLevel nor a Split followed by ByteLevel");
  last.get("add_prefix_space").expect(false);
  const splitsItself = last.get("use_regex").value !== false;
  if (splitsItself !== (second === undefined)) throw last.get("use_regex").unsupported(`is ${splitsItself}`);
  return second ? readSplit(first) : "gpt2";
}

function readSplit(split: JsonValue): PatternName {
  split.get("type").expect("Split");
  const expression = split.get("pattern").get("Regex");
  const pattern = patternNames.find((name) => expressions[name] === expression.value);
  if (!pattern) throw expression.unsupported(`is not the pattern of ${patternNames.join(", ")}`);
  // The patterns match all of a text, so that what is between two matches is empty, and these two say the same.
  const inverted = split.get("invert").value === true;
  split.get("behavior").expect(inverted ? "Removed" : "Isolated");
  return pattern;
}

/** Added tokens: those that are special, and the others. */
function readAddedTokens(list: JsonValue): Record<"specialTokens" | "addedTokens", Map<string, number>> {
  const specialTokens = new Map<string, number>();
  const addedTokens = new Map<string, number>();
  if (list.isAbsent) return { specialTokens, addedTokens };
  let length = 0;
  for (const item of list.items()) {
    const content = item.get("content").string();
    if (content === "") throw item.get("content").invalid("is empty");
    if (content.length > longestAddedToken) throw item.get("content").unsupported(`has ${content.length} characters`);
    length += content.length;
    if (length > longestAddedTokens) throw list.unsupported(`has more than ${longestAddedTokens} characters together`);
    if (specialTokens.has(content) || addedTokens.has(content)) throw item.get("content").invalid("is there twice");
    for (const name of ["single_word", "lstrip", "rstrip"]) item.get(name).expect(false);
    const isSpecial = !item.get("special").isAbsent && item.get("special").boolean();
    (isSpecial ? specialTokens : addedTokens).set(content, item.get("id").index(maxVocabSize));
  }
  return { specialTokens, addedTokens };
}

/** Merges as two spellings in an array, or in a string with a space between them. */
function* readMerges(list: JsonValue): Generator<[left: string, right: string]> {
  for (const item of list.items()) {
    const parts: unknown[] =
      typeof item.value === "string" ? item.value.split(" ") : [...item.items()].map((part) => part.value);
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== "string" || typeof right !== "string") {
      throw item.invalid("is not a pair of tokens");
    }
    yield [left, right];
  }
}

function readCharacters(root: JsonValue, model: JsonValue): CharacterTokenizer {
  for (const added of root.get("added_tokens").isAbsent ? [] : root.get("added_tokens").items()) {
    throw added.unsupported("adds a token to a vocabulary of characters");
  }
  const split = root.get("pre_tokenizer");
  split.get("type").expect("Split");
  if (split.get("pattern").get("Regex").value !== anyCharacter) {
    throw split.unsupported(`does not split by ${anyCharacter}`);
  }
  split.get("behavior").expect("Isolated");
  split.get("invert").expect(false);
  root.get("post_processor").expect();
  if (root.get("decoder").isAbsent) throw root.get("decoder").unsupported("is null");
  root.get("decoder").get("type").expect("Fuse");

  const vocab = model.get("vocab");
  const characters = new Map<number, string>();
  for (const [character, value] of vocab.entries()) {
    if ([...character].length !== 1) throw value.unsupported("is the id of more or less than one character");
    if (wellFormed(character) !== character) throw value.invalid("is the id of half of a surrogate pair");
    const id = value.index(maxVocabSize);
    if (characters.has(id)) throw value.invalid("is the id of another character too");
    characters.set(id, character);
  }
  if (characters.size === 0) throw vocab.invalid("is empty");
  const unknown = model.get("unk_token");
  if (!vocab.get(unknown.string()).isAbsent) throw unknown.unsupported("is a character");
  return new CharacterTokenizer(
    Array.from({ length: characters.size }, (_, id) => {
      const character = characters.get(id);
      if (character === undefined) throw vocab.unsupported(`has no character with the id ${id}`);
      return character;
    }),
  );
}
