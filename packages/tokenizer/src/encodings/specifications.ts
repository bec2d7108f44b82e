import type { PatternName } from "../pretokenizers/patterns.ts";

/** What defines an encoding beside its ranks, as in tiktoken_ext/openai_public.py of tiktoken 0.12. */
export interface EncodingSpecification {
  readonly pattern: PatternName;
  readonly specialTokens: Readonly<Record<string, number>>;
}

const o200kSpecialTokens = { "<|endoftext|>": 199999, "<|endofprompt|>": 200018 };

export const specifications = {
  gpt2: { pattern: "gpt2", specialTokens: { "<|endoftext|>": 50256 } },
  r50k_base: { pattern: "gpt2", specialTokens: { "<|endoftext|>": 50256 } },
  p50k_base: { pattern: "gpt2", specialTokens: { "<|endoftext|>": 50256 } },
  p50k_edit: {
    pattern: "gpt2",
    specialTokens: {
      "<|endoftext|>": 50256,
      "<|fim_prefix|>": 50281,
      "<|fim_middle|>": 50282,
      "<|fim_suffix|>": 50283,
    },
  },
  cl100k_base: {
    pattern: "cl100k",
    specialTokens: {
      "<|endoftext|>": 100257,
      "<|fim_prefix|>": 100258,
      "<|fim_middle|>": 100259,
      "<|fim_suffix|>": 100260,
      "<|endofprompt|>": 100276,
    },
  },
  o200k_base: { pattern: "o200k", specialTokens: o200kSpecialTokens },
  o200k_harmony: {
    pattern: "o200k",
    specialTokens: {
      // 200018 has two names. The one that comes first is what decoding gives.
      ...o200kSpecialTokens,
      "<|startoftext|>": 199998,
      "<|return|>": 200002,
      "<|constrain|>": 200003,
      "<|channel|>": 200005,
      "<|start|>": 200006,
      "<|end|>": 200007,
      "<|message|>": 200008,
      "<|call|>": 200012,
      ...reservedTokens([200000, 200001, 200004, 200009, 200010, 200011]),
      ...reservedTokens(Array.from({ length: 201088 - 200013 }, (_, index) => 200013 + index)),
    },
  },
} as const satisfies Record<string, EncodingSpecification>;

/** The name of an encoding that comes with this package. */
export type EncodingName = keyof typeof specifications;

function reservedTokens(ids: readonly number[]): Record<string, number> {
  return Object.fromEntries(ids.map((id) => [`<|reserved_${id}|>`, id]));
}
