import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import type { MergeTable } from "../bpe/merge-table.ts";
import type { Front, UnknownToken } from "../bpe/vocabulary.ts";
import { checkByteLevelDecoder, readDecoder } from "../pipeline/decoders.ts";
import { readNormalizer } from "../pipeline/normalizers.ts";
import { readPreTokenizer, readScheme, split } from "../pipeline/pre-tokenizers.ts";
import type { Splitting } from "../pipeline/pre-tokenizers.ts";
import { steps } from "../pipeline/steps.ts";
import { readAround } from "../pipeline/template.ts";
import { CharacterPairTokenizer } from "../pipeline/tokenizer.ts";
import type { DeclaredToken } from "./added-vocabulary.ts";
import type { Declarations } from "./declarations.ts";
import type { JsonValue } from "./json.ts";
import type { ModelTokens } from "./model-tokens.ts";

/** What a BPE tokenizer is built from. */
interface Blueprint {
  /** Has `normalizer`, `pre_tokenizer`, `post_processor` and `decoder` of a `tokenizer.json`. */
  readonly parts: JsonValue;
  /** Has the settings of `model` there. */
  readonly model: JsonValue;
  readonly tokens: ModelTokens;
  /** Those of `tokenizer.json`; `declarations` add theirs. */
  readonly addedTokens: Iterable<DeclaredToken>;
  /** Read when it is known which tokens are added. */
  readonly merges: () => MergeTable;
  readonly declarations: Declarations;
}

export function buildTokenizer(blueprint: Blueprint): BytePairTokenizer | CharacterPairTokenizer {
  const { parts, tokens, declarations } = blueprint;
  const normalize = readNormalizer(parts.get("normalizer"));
  const splitting = readPreTokenizer(parts.get("pre_tokenizer"));
  tokens.added.add(blueprint.addedTokens);
  declarations.addTo(tokens.added);
  const hasToken = (id: number): boolean => tokens.hasId(id);
  const common = {
    merges: blueprint.merges(),
    addedTokens: tokens.added.tokens(normalize, splitting.isByteLevel),
    around: declarations.around(readAround(parts.get("post_processor"), hasToken), tokens.added),
    roles: declarations.rolesIn(tokens.added),
    chatTemplates: declarations.chatTemplates,
  };
  return splitting.isByteLevel
    ? byteLevel(blueprint, splitting, normalize, common)
    : characterLevel(blueprint, splitting, normalize, common);
}

type Common = Pick<
  ConstructorParameters<typeof BytePairTokenizer>[0],
  "merges" | "addedTokens" | "around" | "roles" | "chatTemplates"
>;

function byteLevel(
  { parts, model, tokens, declarations }: Blueprint,
  splitting: Splitting,
  normalize: Front["normalize"],
  common: Common,
): BytePairTokenizer {
  model.get("end_of_word_suffix").expect("");
  model.get("byte_fallback").expect(false);
  checkByteLevelDecoder(parts.get("decoder"));
  const prefixSpace = declarations.prefixSpace(splitting.prefixSpace, splitting.isSequence);
  const { pattern } = splitting;
  const isPlain = !normalize && splitting.steps.length === 0 && pattern !== undefined;
  return new BytePairTokenizer({
    ...common,
    ...(pattern && { pattern }),
    ...(!isPlain && { front: frontOf(parts, splitting, normalize, prefixSpace) }),
    prefixSpace,
    tokens: tokens.bytes(),
    unmergeable: model.get("ignore_merges").boolean(false) ? tokens.unmergeable(common.merges) : [],
    unknown: readUnknown(model, tokens, tokens.hasAllBytes),
  });
}

function characterLevel(
  { parts, model, tokens, declarations }: Blueprint,
  splitting: Splitting,
  normalize: Front["normalize"],
  common: Common,
): CharacterPairTokenizer {
  const wordEnd = model.get("end_of_word_suffix");
  const decoder = parts.get("decoder");
  declarations.checkPrefix(putsPrefix(parts));
  return new CharacterPairTokenizer({
    ...common,
    ids: tokens.ids,
    ...(!wordEnd.isAbsent && { wordEnd: wordEnd.string() }),
    byteFallback: model.get("byte_fallback").boolean(false),
    unknown: readUnknown(model, tokens, false),
    ignoreMerges: model.get("ignore_merges").boolean(false),
    front: frontOf(parts, splitting, normalize),
    decoder: { make: readDecoder(decoder), json: decoder.value ?? null },
  });
}

function frontOf(
  parts: JsonValue,
  splitting: Splitting,
  normalize: Front["normalize"],
  prefixSpace?: boolean,
): Front {
  const [normalizer, preTokenizer] = ["normalizer", "pre_tokenizer"].map((name) => parts.get(name).value ?? null);
  const isOneByteLevel = prefixSpace !== undefined && !splitting.isSequence;
  return {
    ...(normalize && { normalize }),
    ...(splitting.steps.length > 0 && {
      *split(text: string, isFirst: boolean) {
        for (const piece of split({ text, isFirst }, splitting.steps)) yield piece.text;
      },
    }),
    json: {
      normalizer,
      // The class may have another default than the file.
      pre_tokenizer: isOneByteLevel ? { ...(preTokenizer as object), add_prefix_space: prefixSpace } : preTokenizer,
    },
  };
}

/** Whether a character that replaces a space is put before a text. */
function putsPrefix(parts: JsonValue): boolean {
  const normalizers = [...steps(parts.get("normalizer"), "normalizers")];
  if (normalizers.some((step) => step.get("type").value === "Prepend")) return true;
  const preTokenizers = [...steps(parts.get("pre_tokenizer"), "pretokenizers")];
  return preTokenizers.some((step) => step.get("type").value === "Metaspace" && readScheme(step) !== "never");
}

/** What becomes of what has no token. Where all have one, it is not asked for, and need not be there. */
function readUnknown(model: JsonValue, tokens: ModelTokens, hasAll: boolean): UnknownToken | undefined {
  const name = model.get("unk_token");
  const fuse = model.get("fuse_unk").boolean(false);
  if (name.isAbsent || hasAll) return undefined;
  const id = tokens.ids.get(name.string());
  if (id === undefined) throw name.invalid("is not in the vocabulary, which lacks tokens for some text");
  return { id, fuse };
}
