import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { CharacterPairTokenizer } from "../pipeline/tokenizer.ts";
import { CharacterTokenizer } from "../character.ts";
import { TokenizerError } from "../errors.ts";
import { showName } from "../messages.ts";
import { checkText, invalidOption } from "../options.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { FileLookup } from "./declarations.ts";
import { readVocabAndMerges } from "./read-merges-txt.ts";
import { readTokenizerJson } from "./read-tokenizer-json.ts";
import { addedTokenEntries, bytePairTokenizerJson, characterPairTokenizerJson, characterTokenizerJson } from "./write-tokenizer-json.ts";

/** The files of a model's folder that make a tokenizer, or say something about it. */
export const tokenizerFileNames = [
  "tokenizer.json",
  "vocab.json",
  "merges.txt",
  "encoder_bpe_40000.json",
  "vocab_40000.bpe",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "config.json",
  "chat_template.jinja",
] as const;

/** The folder of further templates of chats, `NAME.jinja` each. */
export const chatTemplateFolder = "additional_chat_templates";

/**
 * The files of a tokenizer, name to text, as they lie in a model's folder: `tokenizer.json` and
 * `tokenizer_config.json`, which Hugging Face's libraries read, and `chat_template.jinja` where there is one. They hold one name for each special token (200018 of
 * o200k_harmony has two). Throws `unsupported-file` for what they cannot hold.
 */
export function tokenizerFiles(tokenizer: Tokenizer): Map<string, string> {
  const templates = [...(tokenizer.chatTemplates ?? [])];
  return new Map([
    // Of several templates the configuration has the list; one is written as it is too, over what a folder may have.
    ...templates.filter(([name]) => name === "default" && templates.length === 1).map(([, text]) => ["chat_template.jinja", text] as const),
    ["tokenizer_config.json", configJson(tokenizer)],
    ["tokenizer.json", tokenizerJson(tokenizer)],
  ]);
}

function tokenizerJson(tokenizer: Tokenizer): string {
  if (tokenizer instanceof BytePairTokenizer) return bytePairTokenizerJson(tokenizer);
  if (tokenizer instanceof CharacterPairTokenizer) return characterPairTokenizerJson(tokenizer);
  if (tokenizer instanceof CharacterTokenizer) return characterTokenizerJson(tokenizer);
  throw new TokenizerError(
    "unsupported-file",
    "only this package's tokenizers can be saved",
  );
}

function configJson(tokenizer: Tokenizer): string {
  const config: Record<string, unknown> = {
    tokenizer_class: "PreTrainedTokenizerFast",
    clean_up_tokenization_spaces: false,
    added_tokens_decoder: {},
  };
  if (tokenizer instanceof BytePairTokenizer || tokenizer instanceof CharacterPairTokenizer) {
    const { addedTokens } = tokenizer.vocabulary;
    if (tokenizer instanceof BytePairTokenizer && tokenizer.vocabulary.prefixSpace) config.add_prefix_space = true;
    for (const [role, id] of Object.entries(tokenizer.roles)) {
      config[`${role}_token`] = addedTokens.find((token) => token.id === id)?.content;
    }
    // With these, transformers ignores other files of the folder that may declare tokens.
    const tokens = addedTokenEntries(tokenizer).map(({ id, ...token }) => [id, token]);
    config.added_tokens_decoder = Object.fromEntries(tokens);
    const templates = Array.from(tokenizer.chatTemplates, ([name, template]) => ({ name, template }));
    if (templates.length > 0) config.chat_template = isDefaultAlone(templates) ? templates[0].template : templates;
  }
  return `${JSON.stringify(config, null, 2)}\n`;
}

function isDefaultAlone(templates: readonly { readonly name: string }[]): boolean {
  return templates.length === 1 && templates[0].name === "default";
}

/**
 * The tokenizer of a model's folder, from the texts of its files by name (those of `tokenizerFileNames` count): read as
 * Hugging Face's libraries read it, `tokenizer.json` or else `vocab.json` and `merges.txt`, with what the other files
 * declare; `encoder_bpe_40000.json` and `vocab_40000.bpe` of OpenAI's release of GPT-1 as those two of `openai-gpt`. Throws `missing-file`, `invalid-file` and `unsupported-file`, with the names of file and field; messages
 * begin with `place`, if given.
 */
export function tokenizerFromFiles(files: ReadonlyMap<string, string>, place?: string): Tokenizer {
  if (!(files instanceof Map)) throw invalidOption("files", files, "a Map from the names of files to their texts");
  if (place !== undefined) checkText("place", place);
  const file: FileLookup = (name) => {
    const text: unknown = files.get(name);
    if (text === undefined) return undefined;
    checkText(name, text);
    return { text, name: place === undefined ? name : `${place}: ${name}` };
  };
  file.chatTemplates = () => chatTemplates(files);
  const tokenizer = file("tokenizer.json");
  if (tokenizer) return readTokenizerJson(tokenizer, file);
  const vocab = file("vocab.json");
  const merges = file("merges.txt");
  if (vocab && merges) return readVocabAndMerges(vocab, merges, file);
  const [encoder, pairs] = [file("encoder_bpe_40000.json"), file("vocab_40000.bpe")];
  if (encoder && pairs) return readVocabAndMerges(encoder, pairs, ofGPT1(file));
  throw new TokenizerError(
    "missing-file",
    `${showName(place ?? "the folder")} has neither tokenizer.json nor vocab.json with merges.txt`,
  );
}

/** The files of a folder, in which no other than `openai-gpt` says how text is split where none says it. */
function ofGPT1(file: FileLookup): FileLookup {
  const own = { text: '{"model_type":"openai-gpt"}', name: "config.json" };
  return Object.assign((name: string) => file(name) ?? (name === own.name ? own : undefined), file);
}

/** The files that are templates of chats, by the names of these. */
function* chatTemplates(files: ReadonlyMap<string, string>): Generator<[name: string, text: string]> {
  for (const [file, text] of files) {
    const further = /^additional_chat_templates\/([^/]+)\.jinja$/.exec(file)?.[1];
    const name = file === "chat_template.jinja" ? "default" : further;
    if (name === undefined) continue;
    checkText(file, text);
    yield [name, text];
  }
}
