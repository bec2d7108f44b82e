import { maxVocabSize, rolesByName } from "../bpe/vocabulary.ts";
import type { TokenRoles, TokensAround } from "../tokenizer.ts";
import { declaredToken, matchAlike, plainToken } from "./added-vocabulary.ts";
import type { AddedVocabulary, DeclaredToken } from "./added-vocabulary.ts";
import { classOf, isGpt2, partsOf } from "./classes.ts";
import type { ClassChoice, ClassParts } from "./classes.ts";
import { JsonValue } from "./json.ts";
import type { TextFile } from "./json.ts";

/** The files of a folder. */
export interface FileLookup {
  (name: string): TextFile | undefined;
  /** The texts of `chat_template.jinja`, by the name `default`, and of those in `additional_chat_templates`. */
  chatTemplates?(): Iterable<readonly [name: string, text: string]>;
}

/** Templates of chats that a folder may have; those in use have up to four. */
const maxTemplates = 64;

const roleNames = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"] as const;
type RoleName = (typeof roleNames)[number];
const roleKeys: ReadonlySet<string> = /* @__PURE__ */ keysOf(roleNames);

function keysOf(roles: readonly RoleName[]): Set<string> {
  return new Set(roles.map((role) => `${role}_token`));
}

/** Lists of special tokens without a role, or objects of them by names of their own. */
const extraKeys = ["model_specific_special_tokens", "extra_special_tokens", "additional_special_tokens"];

/**
 * What the files beside a tokenizer's model declare: `tokenizer_config.json`, `special_tokens_map.json`,
 * `added_tokens.json`, and `config.json` for the class. LOADING.md has the rules and their sources.
 */
export class Declarations {
  readonly #class: ClassChoice;
  /** Templates of chats by name. */
  readonly chatTemplates: ReadonlyMap<string, string>;
  readonly #config: JsonValue;
  /** Whether `tokenizer_config.json` has no `added_tokens_decoder`, so that the two files of old count. */
  readonly #isLegacy: boolean;
  /** What `special_tokens_map.json` puts over that. */
  readonly #map: JsonValue | undefined;
  readonly #listed: readonly DeclaredToken[];
  readonly #roles = new Map<RoleName, DeclaredToken>();
  #declaresEnd = false;
  /** Special tokens without a role. */
  readonly #extras: DeclaredToken[] = [];
  /** Special tokens under names that 5.15 knows and 4.57 does not. */
  readonly #custom: DeclaredToken[] = [];

  /** `padding`: that of `tokenizer.json`, which names the token for it where no other file does. */
  constructor(file: FileLookup, hasTokenizerJson: boolean, padding?: JsonValue) {
    const read = (name: string): JsonValue | undefined => {
      const found = file(name);
      return found && JsonValue.parse(found);
    };
    const config = read("tokenizer_config.json") ?? JsonValue.parse({ text: "{}", name: "tokenizer_config.json" });
    this.#config = config;
    this.#class = classOf(config, read("config.json"), hasTokenizerJson);
    this.chatTemplates = readChatTemplates(config.get("chat_template"), file);
    checkSettings(config);

    const decoder = config.get("added_tokens_decoder");
    this.#isLegacy = decoder.value === undefined;
    this.#map = this.#isLegacy ? read("special_tokens_map.json") : undefined;
    this.#readRoles(padding);
    this.#readExtras();
    this.#listed = this.#isLegacy ? this.#readAddedTokens(read("added_tokens.json")) : readDecoder(decoder);
  }

  #readRoles(padding: JsonValue | undefined): void {
    const { kind, place } = this.#class;
    for (const role of roleNames) {
      const key = `${role}_token`;
      const [value, isMap] = this.#setting(key);
      if (value.value === undefined) {
        const ofClass = kind && Object.hasOwn(kind.roles, role) ? kind.roles[role] : undefined;
        if (ofClass !== undefined) this.#roles.set(role, plainToken(ofClass, true, place));
        else if (role === "pad" && padding && !padding.get("pad_token").isAbsent) {
          const token = padding.get("pad_token");
          this.#roles.set(role, plainToken(token.string(), true, token));
        }
      } else {
        this.#declaresEnd ||= role === "eos";
        const token = value.isAbsent ? undefined : specialToken(value, isMap);
        if (token && token.content !== "") this.#roles.set(role, token);
      }
    }
  }

  /** The value of a key, and whether it is from `special_tokens_map.json`, which goes before `tokenizer_config.json`. */
  #setting(key: string): readonly [value: JsonValue, isMap: boolean] {
    const value = this.#map?.get(key);
    return value && value.value !== undefined ? [value, true] : [this.#config.get(key), false];
  }

  #readExtras(): void {
    for (const [source, isMap] of [[this.#config, false], [this.#map, true]] as const) {
      if (!source) continue;
      for (const key of extraKeys) {
        const list = source.get(key);
        if (list.isAbsent) continue;
        const values = list.isObject ? Array.from(list.entries(), ([, value]) => value) : list.items();
        for (const value of values) this.#extras.push(specialToken(value, isMap));
      }
      for (const [key] of source.entries()) {
        const value = source.get(key);
        const isToken = typeof value.value === "string" || (value.isObject && !value.get("content").isAbsent);
        if (key.endsWith("_token") && !roleKeys.has(key) && isToken) this.#custom.push(specialToken(value, isMap));
      }
    }
  }

  #readAddedTokens(file: JsonValue | undefined): DeclaredToken[] {
    if (!file) return [];
    const named = new Set([...this.#named()].map(({ content }) => content));
    const tokens = Array.from(file.entries(), ([content, value]) =>
      plainToken(content, named.has(content), value, value.index(maxVocabSize)),
    );
    return sortedById(tokens);
  }

  *#named(): Generator<DeclaredToken> {
    yield* this.#roles.values();
    yield* this.#extras;
  }

  /** Tokens that the files add to a vocabulary. */
  *declared(): Generator<DeclaredToken> {
    yield* this.#listed;
    yield* this.#named();
    yield* this.#custom;
  }

  /** Adds what the files declare to the tokens of `tokenizer.json`, in the order of transformers. */
  addTo(vocabulary: AddedVocabulary): void {
    const special = new Set(Array.from(this.#named(), ({ content }) => content));
    const listed = this.#listed.map((token) => ({ ...token, special: token.special || special.has(token.content) }));
    const present = new Set(listed.map(({ content }) => content));
    const missing: DeclaredToken[] = [];
    const again: DeclaredToken[] = [];
    for (const token of this.#named()) {
      const known = vocabulary.get(token.content);
      if (present.has(token.content)) continue;
      present.add(token.content);
      if (!known) missing.push(token);
      else if (!this.#isLegacy && !isPlain(token) && !matchAlike(token, known)) {
        throw token.place.unsupported("is declared otherwise in tokenizer.json: releases of transformers take one or the other");
      } else again.push({ ...known, special: true });
    }
    vocabulary.add([...listed, ...missing]);
    vocabulary.add(again);
    for (const { content, place } of this.#custom) {
      if (vocabulary.get(content)) continue;
      throw place.unsupported("names a token that the vocabulary lacks: releases of transformers add it or do not");
    }
  }

  /** The ids of the tokens that have a role. */
  rolesIn(vocabulary: AddedVocabulary): TokenRoles {
    const roles: Record<string, number> = {};
    for (const [role, { content }] of this.#roles) roles[role] = vocabulary.idOf(content)!;
    const isSilent = this.#class.kind === undefined && !this.#declaresEnd;
    return { ...(isSilent && rolesByName(vocabulary.tokens())), ...roles };
  }

  /**
   * Whether a space is put before text, where the pre-tokenizer of `tokenizer.json` says so too, or there is none. Its
   * value is taken from there unless the class has a default.
   */
  prefixSpace(inFile?: JsonValue, isInSequence = false): boolean {
    const setting = this.#config.get("add_prefix_space");
    const ofFile = inFile?.boolean(false);
    if (ofFile === undefined) return setting.boolean(false);
    if (isGpt2(this.#class.kind) && !isInSequence) return setting.boolean(false);
    const wanted = setting.boolean(isGpt2(this.#class.kind) ? false : ofFile);
    if (wanted === ofFile) return ofFile;
    throw setting.unsupported(
      `is not ${ofFile} as in tokenizer.json: releases of transformers take the one or the other`,
    );
  }

  /** The parts of a tokenizer that has no `tokenizer.json`. */
  get parts(): ClassParts {
    return partsOf(this.#class);
  }

  /** Refuses `add_prefix_space` where `tokenizer.json` does otherwise. */
  checkPrefix(inFile: boolean): void {
    const setting = this.#config.get("add_prefix_space");
    if (setting.boolean(inFile) !== inFile) throw setting.unsupported(`is not ${inFile} as in tokenizer.json`);
  }

  /** What stands around a text: `inFile`, or the tokens of `add_bos_token` and `add_eos_token` where one is given. */
  around(inFile: TokensAround, vocabulary: AddedVocabulary): TokensAround {
    const [first, last] = ["add_bos_token", "add_eos_token"].map((name) => this.#config.get(name));
    if (first.isAbsent && last.isAbsent) return inFile;
    const roles = this.rolesIn(vocabulary);
    const side = (wanted: JsonValue, id: number | undefined): number[] => (wanted.boolean(false) && id !== undefined ? [id] : []);
    return { before: side(first, roles.bos), behind: side(last, roles.eos) };
  }
}

/** `chat_template.jinja` and others beside it, or else `chat_template` of `tokenizer_config.json`: one, or a list by name. */
function readChatTemplates(field: JsonValue, file: FileLookup): ReadonlyMap<string, string> {
  const templates = new Map<string, string>();
  const add = (name: string, text: string, place: JsonValue): void => {
    if (templates.size === maxTemplates) throw place.unsupported(`has more than ${maxTemplates} templates`);
    templates.set(name, text);
  };
  const files = file.chatTemplates?.() ?? [];
  for (const [name, text] of files) add(name, text, field);
  if (templates.size > 0 || field.isAbsent) return templates;
  if (typeof field.value === "string") add("default", field.value, field);
  else for (const item of field.items()) add(item.get("name").string(), item.get("template").string(), item);
  return templates;
}

/** Whether a token is declared by nothing but its content. */
function isPlain(token: DeclaredToken): boolean {
  return matchAlike(token, plainToken(token.content, true, token.place));
}

/** A special token: a string, or an object. Those of `tokenizer_config.json` are marked as what they are. */
function specialToken(value: JsonValue, isMap: boolean): DeclaredToken {
  if (typeof value.value === "string") return plainToken(value.string(), true, value);
  if (!value.isObject) throw value.invalid("is neither a string nor an object");
  if (!isMap && value.get("__type").value !== "AddedToken") throw value.get("__type").invalid('is not "AddedToken"');
  return declaredToken(value, true);
}

function readDecoder(decoder: JsonValue): DeclaredToken[] {
  const tokens = Array.from(decoder.entries(), ([key, value]) => {
    const id = /^\d{1,9}$/.test(key) ? Number(key) : NaN;
    if (!(id < maxVocabSize)) throw value.invalid(`is not under an id from 0 to ${maxVocabSize - 1}`);
    return { ...declaredToken(value), id };
  });
  return sortedById(tokens);
}

function sortedById(tokens: (DeclaredToken & { readonly id?: number })[]): DeclaredToken[] {
  return tokens.sort((a, b) => a.id! - b.id!);
}

/** Settings that would change the ids of a text, or which files are read. */
function checkSettings(config: JsonValue): void {
  for (const name of ["split_special_tokens", "from_slow"]) config.get(name).expect(false);
  const files = config.get("fast_tokenizer_files");
  if (!files.isAbsent) for (const file of files.items()) file.expect("tokenizer.json");
  const inputs = config.get("init_inputs");
  if (!inputs.isAbsent) for (const input of inputs.items()) throw input.unsupported("is an argument of a class");
}
