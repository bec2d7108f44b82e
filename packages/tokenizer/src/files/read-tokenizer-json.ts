import { maxVocabSize } from "../bpe/vocabulary.ts";
import { CharacterTokenizer } from "../character.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { wellFormed } from "../unicode/text.ts";
import { declaredToken } from "./added-vocabulary.ts";
import type { DeclaredToken } from "./added-vocabulary.ts";
import { buildTokenizer } from "./build.ts";
import { Declarations } from "./declarations.ts";
import type { FileLookup } from "./declarations.ts";
import { JsonValue } from "./json.ts";
import type { TextFile } from "./json.ts";
import { ModelTokens } from "./model-tokens.ts";

/** The pattern that splits text into its characters. */
export const anyCharacter = "[\\s\\S]";

/**
 * Reads the text of a `tokenizer.json` of Hugging Face's tokenizers: BPE over bytes or characters, or a WordLevel model
 * of single characters. What such a file may ask for and this package does not do throws `unsupported-file`, what is
 * wrong in it `invalid-file`; both name the field. `beside`: the other files of the folder.
 */
export function readTokenizerJson(file: TextFile, beside: FileLookup = () => undefined): Tokenizer {
  const root = JsonValue.parse(file);
  root.get("version").expect("1.0");
  // Both are set again at each call by the programs that write them, and no part of what text encodes to.
  for (const name of ["truncation", "padding"]) {
    if (!root.get(name).isAbsent && !root.get(name).isObject) throw root.get(name).invalid("is not an object");
  }
  const model = root.get("model");
  const padding = root.get("padding");
  const declarations = new Declarations(beside, true, padding.isAbsent ? undefined : padding);
  if (model.get("type").value === "WordLevel") return readCharacters(root, model, declarations);

  checkModel(model);
  const tokens = new ModelTokens(model.get("vocab"), file.name);
  return buildTokenizer({
    parts: root,
    model,
    tokens,
    addedTokens: readAddedTokens(root.get("added_tokens")),
    merges: () => tokens.merges(readMerges(model.get("merges")), (index) => `model.merges[${index}]`),
    declarations,
  });
}

/** Refuses models other than BPE, as far as their settings tell. */
function checkModel(model: JsonValue): void {
  const type = model.get("type");
  type.expect("BPE");
  // Old files leave the type out; other models have no merges.
  if (type.isAbsent && model.get("merges").isAbsent) throw type.unsupported("is missing and there are no merges");
  model.get("dropout").expect(0);
  model.get("continuing_subword_prefix").expect("");
}

function* readAddedTokens(list: JsonValue): Generator<DeclaredToken> {
  if (list.isAbsent) return;
  for (const item of list.items()) yield { ...declaredToken(item), id: item.get("id").index(maxVocabSize) };
}
/** Merges as two spellings in an array, or in a string with a space between them. */
function* readMerges(list: JsonValue): Generator<[left: string, right: string]> {
  for (const item of list.items()) {
    if (typeof item.value === "string" && item.value.startsWith("#version")) continue;
    const parts: unknown[] =
      typeof item.value === "string" ? item.value.split(" ") : Array.from(item.items(), (part) => part.value);
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== "string" || typeof right !== "string") {
      throw item.invalid("is not a pair of tokens");
    }
    yield [left, right];
  }
}

function readCharacters(root: JsonValue, model: JsonValue, declarations: Declarations): CharacterTokenizer {
  for (const added of root.get("added_tokens").isAbsent ? [] : root.get("added_tokens").items()) {
    throw added.unsupported("adds a token to a vocabulary of characters");
  }
  for (const { place } of declarations.declared()) throw place.unsupported("adds a token to a vocabulary of characters");
  const split = root.get("pre_tokenizer");
  if (split.isAbsent || split.get("type").value !== "Split") throw split.unsupported("does not split into characters");
  if (split.get("pattern").get("Regex").value !== anyCharacter) {
    throw split.unsupported(`does not split by ${anyCharacter}`);
  }
  root.get("normalizer").expect();
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
