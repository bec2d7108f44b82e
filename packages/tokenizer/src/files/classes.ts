import { quote } from "../messages.ts";
import { expressions } from "../pretokenizers/patterns.ts";
import type { JsonValue } from "./json.ts";

/** What is known of one of transformers' tokenizer classes; LOADING.md has the sources. */
export interface TokenizerClass {
  /** Its names in `tokenizer_class`. */
  readonly names: readonly string[];
  /** The `model_type` of folders that name no class. */
  readonly models: readonly string[];
  /** Tokens by role where no file says otherwise. */
  readonly roles: Readonly<Record<string, string>>;
  /** The parts of a tokenizer that is made of `vocab.json` and `merges.txt`. Left out: `tokenizer.json` is needed. */
  readonly parts?: () => ClassParts;
}

/** Parts of a `tokenizer.json` with the settings of its `model`. */
export interface ClassParts {
  readonly normalizer: unknown;
  readonly pre_tokenizer: unknown;
  readonly decoder: unknown;
  readonly model: Readonly<Record<string, unknown>>;
}

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };

const gpt2: TokenizerClass = {
  names: ["GPT2Tokenizer", "GPT2TokenizerFast"],
  models: ["gpt2", "gpt_neo", "gptj", "opt", "starcoder2"],
  roles: { bos: "<|endoftext|>", eos: "<|endoftext|>", unk: "<|endoftext|>" },
  parts: () => ({ normalizer: null, pre_tokenizer: byteLevel, decoder: byteLevel, model: {} }),
};

const plain: TokenizerClass = {
  names: ["PreTrainedTokenizerFast", "TokenizersBackend"],
  models: ["gpt_oss", "mistral", "mixtral", "olmo2", "deepseek_v2", "deepseek_v3"],
  roles: {},
};

const llama: TokenizerClass = {
  names: ["LlamaTokenizer", "LlamaTokenizerFast"],
  models: ["llama"],
  roles: { bos: "<s>", eos: "</s>", unk: "<unk>" },
};

const gemma: TokenizerClass = {
  names: ["GemmaTokenizer", "GemmaTokenizerFast"],
  models: ["gemma", "gemma2", "gemma3", "gemma3_text"],
  roles: { bos: "<bos>", eos: "<eos>", unk: "<unk>", pad: "<pad>" },
};

const qwen2: TokenizerClass = {
  names: ["Qwen2Tokenizer", "Qwen2TokenizerFast"],
  models: ["qwen2", "qwen2_moe", "qwen3", "qwen3_moe"],
  roles: { eos: "<|endoftext|>", unk: "<|endoftext|>", pad: "<|endoftext|>" },
  parts: () => ({
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        {
          type: "Split",
          pattern: {
            Regex: expressions.qwen2,
          },
          behavior: "Isolated",
          invert: false,
        },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    decoder: byteLevel,
    model: {},
  }),
};

const openaiGpt: TokenizerClass = {
  names: ["OpenAIGPTTokenizer", "OpenAIGPTTokenizerFast"],
  models: ["openai-gpt"],
  roles: { unk: "<unk>" },
  parts: () => ({
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "BPEDecoder", suffix: "</w>" },
    model: { unk_token: "<unk>", end_of_word_suffix: "</w>" },
  }),
};

const classes = [gpt2, plain, llama, gemma, qwen2, openaiGpt];

/** This project's own model, which transformers does not know. */
const ownModel = "gpt-typescript";

/** The class whose rules hold for a folder; undefined where no file says so. */
export interface ClassChoice {
  readonly kind: TokenizerClass | undefined;
  /** Where a file says so. */
  readonly place: JsonValue;
}

/** Which class transformers would read the folder with. `vocab.json` alone is GPT-2's where no file says otherwise. */
export function classOf(config: JsonValue, model: JsonValue | undefined, hasTokenizerJson: boolean): ClassChoice {
  const named = [config, model].map((file) => file?.get("tokenizer_class")).find((field) => field && !field.isAbsent);
  const type = model?.get("model_type");
  const place = named ?? (type?.isAbsent === false ? type : undefined);
  if (!place || (!named && place.value === ownModel)) {
    return { kind: hasTokenizerJson ? undefined : gpt2, place: config.get("tokenizer_class") };
  }
  const kind = classes.find(({ names, models }) => (named ? names : models).includes(place.value as string));
  if (kind && (hasTokenizerJson || kind.parts)) return { kind, place };
  throw place.unsupported(`is ${quote(place.value)}${kind ? " without tokenizer.json" : ", an unknown tokenizer"}`);
}

/** The parts of a tokenizer without `tokenizer.json`. */
export function partsOf({ kind }: ClassChoice): ClassParts {
  return (kind ?? gpt2).parts!();
}

/** Whether a class is GPT-2's, whose `add_prefix_space` has a default. */
export function isGpt2(kind: TokenizerClass | undefined): boolean {
  return kind === gpt2;
}
