import type { GGUFMetadata, GGUFValue } from "@gpt/formats/gguf";
import { TokenizerError } from "../errors.ts";
import { tokenizerFiles } from "../files/folder.ts";
import { checkOptions, invalidOption } from "../options.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { isSame, sentencePieceParts, splittings } from "./patterns.ts";
import { roleKeys, tokenTypes } from "./read.ts";

export interface TokenizerToGGUFOptions {
  /** Entries of the model's vocabulary: ids without a token are filled up. Default: the tokenizer's. */
  readonly vocabSize?: number;
}

/** What of a `tokenizer.json` is written. */
interface TokenizerJson {
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly normalizer: { readonly type: string } | null;
  readonly pre_tokenizer: unknown;
  readonly decoder: unknown;
  readonly model: {
    readonly type: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (string | readonly [string, string])[];
    readonly ignore_merges: boolean;
    readonly byte_fallback: boolean;
    readonly unk_token: string | null;
  };
}

/**
 * The metadata of a GGUF file that hold a tokenizer and its templates of chats, for `writeGGUF` of @gpt/gpt. Throws `unsupported-file` for what llama.cpp does not do:
 * other ways to split text than those that `tokenizerFromGGUF` reads, characters instead of bytes, several tokens around a text.
 */
export function tokenizerToGGUF(tokenizer: Tokenizer, options: TokenizerToGGUFOptions = {}): GGUFMetadata {
  checkOptions(options);
  const json = JSON.parse(tokenizerFiles(tokenizer).get("tokenizer.json") as string) as TokenizerJson;
  const { vocabSize = tokenizer.vocabSize } = options;
  if (!Number.isSafeInteger(vocabSize) || vocabSize < tokenizer.vocabSize) {
    throw invalidOption("vocabSize", vocabSize, `a whole number from ${tokenizer.vocabSize} on: as many tokens there are`);
  }
  const isByteLevel = (json.decoder as { readonly type?: string } | null)?.type === "ByteLevel";
  const { tokens, types } = tokensOf(json, vocabSize, !isByteLevel);
  const templates = Array.from(tokenizer.chatTemplates ?? [], ([name, template]): [string, GGUFValue] =>
    [name === "default" ? "tokenizer.chat_template" : `tokenizer.chat_template.${name}`, { type: "string", value: template }]);
  const roles = Object.entries(roleKeys).flatMap(([role, key]): [string, GGUFValue][] => {
    const id = tokenizer.roles[role as keyof typeof roleKeys];
    return id === undefined ? [] : [[key, { type: "u32", value: id }]];
  });
  return new Map<string, GGUFValue>([
    ...(isByteLevel ? byteLevel(json) : sentencePiece(json, tokens)),
    ["tokenizer.ggml.tokens", { type: "array", of: "string", value: tokens }],
    ["tokenizer.ggml.token_type", { type: "array", of: "i32", value: types }],
    ...roles,
    ...around(tokenizer),
    ...templates,
  ]);
}

function byteLevel({ normalizer, pre_tokenizer: preTokenizer, model }: TokenizerJson): [string, GGUFValue][] {
  // llama.cpp composes no characters; most texts have none to compose.
  if (normalizer && normalizer.type !== "NFC") throw cannotHold(`its normalizer ${normalizer.type}`);
  const found = Object.entries(splittings).find(([, own]) => own.ignoreMerges === model.ignore_merges && isSame(own.preTokenizer, preTokenizer));
  if (!found) throw cannotHold(`the way in which it splits text; ${Object.keys(splittings).join(", ")} are known`);
  const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  return [
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: found[0] }],
    ["tokenizer.ggml.merges", { type: "array", of: "string", value: merges }],
  ];
}

/** SentencePiece's BPE has a score for each piece: here the place of the first merge that makes it. */
function sentencePiece({ normalizer, pre_tokenizer: preTokenizer, decoder, model }: TokenizerJson, tokens: readonly string[]): [string, GGUFValue][] {
  const addsSpace = [true, false].find((adds) => {
    const parts = sentencePieceParts(adds);
    return isSame(parts.normalizer, normalizer) && isSame(parts.decoder, decoder);
  });
  if (addsSpace === undefined || preTokenizer !== null || model.type !== "BPE" || !model.byte_fallback) {
    throw cannotHold("parts other than those of byte-level BPE and of Llama 2's SentencePiece");
  }
  const first = new Map<string, number>();
  for (const [place, merge] of model.merges.entries()) {
    const piece = typeof merge === "string" ? merge.replace(" ", "") : merge.join("");
    if (!first.has(piece)) first.set(piece, place);
  }
  const scores = Float32Array.from(tokens, (token) => -(first.get(token) ?? model.merges.length));
  return [
    ["tokenizer.ggml.model", { type: "string", value: "llama" }],
    ["tokenizer.ggml.pre", { type: "string", value: "default" }],
    ["tokenizer.ggml.scores", { type: "array", of: "f32", value: scores }],
    ["tokenizer.ggml.add_space_prefix", { type: "bool", value: addsSpace }],
  ];
}

/** Tokens and their types; ids without one are filled up, since llama.cpp takes as many as the model has. */
function tokensOf({ added_tokens: added, model }: TokenizerJson, vocabSize: number, hasBytes: boolean): { tokens: string[]; types: Int32Array } {
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const types = new Int32Array(vocabSize).fill(tokenTypes.unused);
  for (const [token, id] of Object.entries(model.vocab)) {
    tokens[id] = token;
    types[id] = hasBytes && /^<0x[0-9A-F]{2}>$/.test(token) ? tokenTypes.byte : tokenTypes.normal;
  }
  for (const { id, content, special } of added) {
    tokens[id] = content;
    types[id] = content === model.unk_token ? tokenTypes.unknown : special ? tokenTypes.control : tokenTypes.userDefined;
  }
  return { tokens, types };
}

function around({ around, roles }: Tokenizer): [string, GGUFValue][] {
  const { before = [], behind = [] } = around ?? {};
  if (before.join() !== (before.length > 0 ? String(roles.bos) : "") || behind.join() !== (behind.length > 0 ? String(roles.eos) : "")) {
    throw cannotHold("tokens around a text other than its first and its last, bos and eos");
  }
  return [
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: before.length > 0 }],
    ["tokenizer.ggml.add_eos_token", { type: "bool", value: behind.length > 0 }],
  ];
}

function cannotHold(what: string): TokenizerError {
  return new TokenizerError("unsupported-file", `GGUF cannot hold this tokenizer: it has ${what}`);
}
