import type { GGUFMetadata, GGUFValue } from "@gpt/formats/gguf";
import { TokenizerError } from "../errors.ts";
import { tokenizerFromFiles } from "../files/folder.ts";
import { quote } from "../messages.ts";
import { checkText, invalidOption } from "../options.ts";
import { templateJson } from "../pipeline/template.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { aliases, sentencePieceParts, splittings } from "./patterns.ts";
import { mergesOfScores } from "./scores.ts";

/** llama.h, llama_token_type. */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Tokens with a part in texts, by their names in `tokenizer_config.json`. */
export const roleKeys = {
  bos: "tokenizer.ggml.bos_token_id", eos: "tokenizer.ggml.eos_token_id", unk: "tokenizer.ggml.unknown_token_id",
  sep: "tokenizer.ggml.seperator_token_id", pad: "tokenizer.ggml.padding_token_id",
} as const;

/**
 * The tokenizer of a GGUF file, from its metadata, with its templates of chats: byte-level BPE (`gpt2`) with the patterns gpt-2, llama-bpe, dbrx, qwen2, gpt-4o and smollm, and
 * SentencePiece's BPE (`llama`). It splits and merges as llama.cpp does, and is one that `saveTokenizer` writes. Throws `missing-file` where there is no tokenizer,
 * `invalid-file` and `unsupported-file`; messages begin with `place`, if given.
 *
 * @example
 * const { metadata } = await readGGUFHeader(file);
 * const tokenizer = tokenizerFromGGUF(metadata);
 */
export function tokenizerFromGGUF(metadata: GGUFMetadata, place = "the GGUF file"): Tokenizer {
  if (!(metadata instanceof Map)) throw invalidOption("metadata", metadata, "the metadata of a GGUF file");
  checkText("place", place);
  return tokenizerFromFiles(new Reader(metadata, place).files(), place);
}

class Reader {
  readonly #metadata: GGUFMetadata;
  readonly #place: string;
  readonly #tokens: readonly string[];
  readonly #types: ArrayLike<number>;

  constructor(metadata: GGUFMetadata, place: string) {
    this.#metadata = metadata;
    this.#place = place;
    const tokens = this.#value("tokenizer.ggml.tokens");
    if (!tokens) throw new TokenizerError("missing-file", `${place} has no tokenizer; give one by a folder or file`);
    if (tokens.type !== "array" || tokens.of !== "string") throw this.#invalid("tokenizer.ggml.tokens is no list of texts");
    this.#tokens = tokens.value;
    this.#types = this.#numbers("tokenizer.ggml.token_type") ?? tokens.value.map(() => tokenTypes.normal);
  }

  files(): Map<string, string> {
    const model = this.#text("tokenizer.ggml.model");
    if (model !== "gpt2" && model !== "llama") throw this.#unsupported(`its tokenizer is ${quote(model ?? "")}; gpt2 and llama are read`);
    const parts = model === "gpt2" ? this.#byteLevel() : this.#sentencePiece();
    const [before, behind] = [parts.addBos ? [this.#roleId("bos")] : [], this.#flag("tokenizer.ggml.add_eos_token", false) ? [this.#roleId("eos")] : []];
    const template = before.length + behind.length === 0 ? null : templateJson({ before, behind }, (id) => this.#tokens[id]);
    const json = {
      version: "1.0", added_tokens: this.#added(), ...parts.json,
      post_processor: parts.trims && template ? { type: "Sequence", processors: [parts.trims, template] } : (template ?? parts.trims),
    };
    return new Map([["tokenizer.json", JSON.stringify(json)], ["tokenizer_config.json", JSON.stringify(this.#config())]]);
  }

  #byteLevel() {
    const name = this.#text("tokenizer.ggml.pre") ?? "gpt-2";
    const known = Object.hasOwn(aliases, name) ? aliases[name] : name;
    if (!Object.hasOwn(splittings, known)) {
      throw this.#unsupported(`it splits text as ${quote(name)}, which is not supported; ${Object.keys(splittings).join(", ")} are`);
    }
    const { preTokenizer, ignoreMerges, addBos } = splittings[known];
    const merges = this.#value("tokenizer.ggml.merges");
    if (merges?.type !== "array" || merges.of !== "string") throw this.#invalid("tokenizer.ggml.merges is no list of texts");
    const decoder = { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true };
    return {
      addBos: this.#flag("tokenizer.ggml.add_bos_token", addBos),
      trims: { ...decoder, trim_offsets: false },
      json: {
        normalizer: null, pre_tokenizer: preTokenizer, decoder,
        model: { type: "BPE", unk_token: null, ignore_merges: ignoreMerges, vocab: this.#vocab(), merges: merges.value },
      },
    };
  }

  #sentencePiece() {
    const scores = this.#numbers("tokenizer.ggml.scores");
    if (!scores) throw this.#invalid("tokenizer.ggml.scores is missing");
    const pieces = this.#tokens.filter((piece, id) => this.#types[id] === tokenTypes.normal || this.#types[id] === tokenTypes.userDefined);
    const long = pieces.find((piece) => piece.length > longestPiece);
    if (long !== undefined) throw this.#unsupported(`token ${quote(long)} has more than ${longestPiece} characters`);
    const ofPiece = new Map(this.#tokens.map((piece, id) => [piece, scores[id]]));
    const unknown = Array.from(this.#types).indexOf(tokenTypes.unknown);
    return {
      addBos: this.#flag("tokenizer.ggml.add_bos_token", true),
      trims: null,
      json: {
        ...sentencePieceParts(this.#flag("tokenizer.ggml.add_space_prefix", true)),
        pre_tokenizer: null,
        model: {
          type: "BPE", unk_token: unknown < 0 ? null : this.#tokens[unknown], fuse_unk: true, byte_fallback: true, ignore_merges: false,
          vocab: this.#vocab(), merges: mergesOfScores(pieces, ofPiece),
        },
      },
    };
  }

  /** The tokens by their ids. Those that are added have theirs from there, too. */
  #vocab(): Record<string, number> {
    const vocab = new Map<string, number>();
    for (const [id, token] of this.#tokens.entries()) {
      if (this.#types[id] === tokenTypes.unused) continue;
      if (vocab.has(token)) throw this.#invalid(`token ${quote(token)} appears twice, as ${vocab.get(token)} and ${id}`);
      vocab.set(token, id);
    }
    return Object.fromEntries(vocab);
  }

  #isAdded(type: number): boolean {
    return type === tokenTypes.control || type === tokenTypes.userDefined;
  }

  #added(): object[] {
    return this.#tokens.flatMap((content, id) => {
      const type = this.#types[id];
      if (!this.#isAdded(type) && type !== tokenTypes.unknown) return [];
      const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
      return [{ id, content, ...flags, special: type !== tokenTypes.userDefined }];
    });
  }

  #config(): Record<string, unknown> {
    const roles = Object.keys(roleKeys).flatMap((role) => {
      const id = this.#numberOf(roleKeys[role as keyof typeof roleKeys]);
      if (id === undefined) return [];
      if (!(id < this.#tokens.length)) throw this.#invalid(`${roleKeys[role as keyof typeof roleKeys]} is ${id}, of ${this.#tokens.length} tokens`);
      return [[`${role}_token`, this.#tokens[id]] as const];
    });
    const template = this.#text("tokenizer.chat_template");
    const further = Array.from(this.#metadata.keys()).flatMap((key) => {
      const name = /^tokenizer\.chat_template\.(.+)$/.exec(key)?.[1];
      return name === undefined ? [] : [{ name, template: this.#text(key) }];
    });
    const templates = template === undefined ? further : [{ name: "default", template }, ...further];
    return {
      tokenizer_class: "PreTrainedTokenizerFast", clean_up_tokenization_spaces: false, ...Object.fromEntries(roles),
      ...(templates.length === 0 ? {} : { chat_template: further.length === 0 ? template : templates }),
    };
  }

  #roleId(role: "bos" | "eos"): number {
    const id = this.#numberOf(roleKeys[role]);
    if (id !== undefined && id < this.#tokens.length) return id;
    throw this.#invalid(`it adds a token to texts, and ${roleKeys[role]} is ${id ?? "missing"}`);
  }

  #numberOf(key: string): number | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    if (typeof value.value === "number" && Number.isSafeInteger(value.value) && value.value >= 0) return value.value;
    throw this.#invalid(`${key} is no token's id`);
  }

  #numbers(key: string): ArrayLike<number> | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    if (value.type !== "array" || ["string", "u64", "i64", "bool"].includes(value.of)) throw this.#invalid(`${key} is no list of numbers`);
    if (value.value.length === this.#tokens.length) return value.value as ArrayLike<number>;
    throw this.#invalid(`${key} has ${value.value.length} entries, for ${this.#tokens.length} tokens`);
  }

  #flag(key: string, fallback: boolean): boolean {
    const value = this.#value(key);
    if (value === undefined) return fallback;
    if (value.type === "bool") return value.value;
    throw this.#invalid(`${key} is not true or false`);
  }

  #text(key: string): string | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    if (value.type === "string") return value.value;
    throw this.#invalid(`${key} is no text`);
  }

  #value(key: string): GGUFValue | undefined {
    return this.#metadata.get(key);
  }

  #invalid(problem: string): TokenizerError {
    return new TokenizerError("invalid-file", `${this.#place}: ${problem}`);
  }

  #unsupported(problem: string): TokenizerError {
    return new TokenizerError("unsupported-file", `${this.#place}: ${problem}`);
  }
}

/** All ways to split a piece are tried. */
const longestPiece = 512;
