import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { endOfText } from "../bpe/vocabulary.ts";
import { CharacterTokenizer } from "../character.ts";
import { TokenizerError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { JsonValue } from "./json.ts";
import type { TextFile } from "./json.ts";
import { readVocabAndMerges } from "./read-merges-txt.ts";
import { readTokenizerJson } from "./read-tokenizer-json.ts";
import { bytePairTokenizerJson, characterTokenizerJson } from "./write-tokenizer-json.ts";

/** The files of a model's folder that make a tokenizer. */
export const tokenizerFileNames = ["tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"] as const;

/**
 * The files of a tokenizer, name to text, as they lie in a model's folder: `tokenizer.json` and
 * `tokenizer_config.json`, which Hugging Face's libraries read. They hold one name for each special token (200018 of
 * o200k_harmony has two). Throws `unsupported-file` for what they cannot hold.
 */
export function tokenizerFiles(tokenizer: Tokenizer): Map<string, string> {
  return new Map([
    ["tokenizer_config.json", configJson(tokenizer)],
    ["tokenizer.json", tokenizerJson(tokenizer)],
  ]);
}

function tokenizerJson(tokenizer: Tokenizer): string {
  if (tokenizer instanceof BytePairTokenizer) return bytePairTokenizerJson(tokenizer);
  if (tokenizer instanceof CharacterTokenizer) return characterTokenizerJson(tokenizer);
  throw new TokenizerError(
    "unsupported-file",
    "only this package's BytePairTokenizer and CharacterTokenizer can be saved",
  );
}

function configJson(tokenizer: Tokenizer): string {
  const ends = tokenizer instanceof BytePairTokenizer && tokenizer.endOfText !== undefined;
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
    ...(ends && { eos_token: tokenizer.vocabulary.endOfText }),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/**
 * The tokenizer of a model's folder, from the texts of its files by name: `tokenizer.json`, else `vocab.json` and
 * `merges.txt`; `tokenizer_config.json`, where there is one, says which token ends a text. Throws `missing-file`,
 * `invalid-file` and `unsupported-file`, with the names of file and field; messages begin with `place`, if given.
 */
export function tokenizerFromFiles(files: ReadonlyMap<string, string>, place?: string): Tokenizer {
  const file = (name: string): TextFile | undefined => {
    const text = files.get(name);
    return text === undefined ? undefined : { text, name: place === undefined ? name : `${place}: ${name}` };
  };
  const config = file("tokenizer_config.json");
  const end = (config && readEndOfText(config)) ?? endOfText;
  const tokenizer = file("tokenizer.json");
  if (tokenizer) return readTokenizerJson(tokenizer, end);
  const vocab = file("vocab.json");
  const merges = file("merges.txt");
  if (vocab && merges) return readVocabAndMerges(vocab, merges, end);
  throw new TokenizerError(
    "missing-file",
    `${place ?? "the folder"} has neither tokenizer.json nor vocab.json with merges.txt`,
  );
}

/** The token that ends a text: a string, or an object with its content. */
function readEndOfText(file: TextFile): string | undefined {
  const config = JsonValue.parse(file);
  for (const name of ["add_prefix_space", "add_bos_token", "add_eos_token"]) config.get(name).expect(false);
  const token = config.get("eos_token");
  if (token.isAbsent) return undefined;
  return typeof token.value === "string" ? token.string() : token.get("content").string();
}
