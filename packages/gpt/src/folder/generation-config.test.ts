import { describe, expect, test } from "vitest";
import { mutations } from "@gpt/testing/mutate";
import { isGptError } from "@gpt/tensor";
import type { GenerationDefaults } from "../generation.ts";
import { ConfigFields } from "./config-fields.ts";
import { generationFields, readGeneration } from "./generation-config.ts";

function read(fields: object, isOwnFile = true): { defaults: GenerationDefaults; notes: string[] } {
  const notes: string[] = [];
  const file = new ConfigFields(new TextEncoder().encode(JSON.stringify(fields)), "generation_config.json");
  const defaults = readGeneration(file, (note) => notes.push(note), isOwnFile);
  return { defaults, notes };
}

/** What transformers v5.18.0 and v4.57.6 do, by the file. */
test.each<[object, GenerationDefaults]>([
  [{}, {}],
  [{ _from_model_config: true, bos_token_id: 1, eos_token_id: 2, transformers_version: "4.26.0" }, { startToken: 1, stopTokens: [2] }],
  [{ eos_token_id: [3, 4], pad_token_id: 5 }, { stopTokens: [3, 4], padToken: 5 }],
  [{ eos_token_id: null, bos_token_id: null, pad_token_id: -1 }, { padToken: -1 }],
  [{ do_sample: false }, { temperature: 0 }],
  [{ do_sample: true }, { temperature: 1, topK: 50 }],
  [{ do_sample: true, temperature: 0.7, top_k: 0, top_p: 1 }, { temperature: 0.7 }],
  [{ do_sample: true, top_k: null, top_p: 0.9, min_p: 0.1 }, { temperature: 1, topK: 50, topP: 0.9, minP: 0.1 }],
  [{ do_sample: true, top_p: 0 }, { temperature: 1, topK: 1 }],
  [{ do_sample: true, top_k: 0, top_p: 1.5 }, { temperature: 1 }],
  [{ repetition_penalty: 1.2, max_new_tokens: 7, max_length: 30 }, { repetitionPenalty: 1.2, maxTokens: 7, maxLength: 30 }],
  [{ num_beams: 1, min_length: 0, no_repeat_ngram_size: 0, typical_p: 1, use_cache: false, length_penalty: 2 }, {}],
  [
    { num_beams: 4, suppress_tokens: [1, 2], bad_words_ids: null, typical_p: 0.9 },
    { suppressTokens: [1, 2], unsupported: { num_beams: 4 } },
  ],
  [{ do_sample: true, top_k: 0, typical_p: 0.9 }, { temperature: 1, unsupported: { typical_p: 0.9 } }],
])("%j", (fields, expected) => {
  const { defaults, notes } = read(fields);
  expect(defaults).toEqual(expected);
  expect(notes).toEqual([]);
  // And back, by way of the file.
  expect(read(generationFields(defaults)).defaults).toEqual(expected);
});

test("what has no effect, and what is unknown, is noted", () => {
  expect(read({ temperature: 0.7, top_k: 50, top_p: 0.9, penalty: 3 })).toEqual({
    defaults: {},
    notes: [
      'generation_config.json: "penalty" is ignored',
      "generation_config.json: temperature has no effect, as do_sample is not true",
      "generation_config.json: top_p has no effect, as do_sample is not true",
    ],
  });
  // A config.json has other fields.
  expect(read({ n_layer: 3, top_k: 0 }, false).notes).toEqual([]);
});

describe("refuses, by the name of the field,", () => {
  test.each<[object, string]>([
    [{ do_sample: "yes" }, 'do_sample is "yes", expected true or false'],
    [{ do_sample: true, temperature: 0 }, "temperature is 0, expected a number above 0, as do_sample is true"],
    [{ do_sample: true, temperature: "hot" }, 'temperature is "hot", expected a number above 0'],
    [{ do_sample: true, top_k: -1 }, "top_k is -1, expected a whole number from 0"],
    [{ do_sample: true, top_p: -0.1 }, "top_p is -0.1, expected a number from 0"],
    [{ do_sample: true, min_p: 1.5 }, "min_p is 1.5, expected a number from 0 to 1"],
    [{ repetition_penalty: 0 }, "repetition_penalty is 0, expected a number above 0"],
    [{ max_new_tokens: 0 }, "max_new_tokens is 0, expected a whole number from 1"],
    [{ max_length: "20" }, 'max_length is "20", expected a whole number from 1'],
    [{ eos_token_id: "5" }, 'eos_token_id is "5", expected a token id or a list'],
    [{ eos_token_id: [1, "5"] }, "eos_token_id is an array, expected a token id or a list"],
    [{ bos_token_id: [1] }, "bos_token_id is an array, expected a token id"],
  ])("%j", (fields, problem) => {
    expect(() => read(fields)).toThrow(
      expect.objectContaining({
        code: "invalid-file",
        message: expect.stringContaining(`generation_config.json: ${problem}`) as string,
      }),
    );
  });
});

const fuzzCount = process.env.GPT_VERIFY ? 100_000 : 2_000;

test(`of ${fuzzCount} mutated files each is read or refused, in one printable line of bounded length`, () => {
  const corpus = [
    { _from_model_config: true, bos_token_id: 50256, eos_token_id: [50256, 3], transformers_version: "4.26.0" },
    { do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.9, min_p: null, repetition_penalty: 1.1, max_new_tokens: 9 },
    { num_beams: 4, suppress_tokens: [1, 2], bad_words_ids: [[1], [2, 3]], "a\u001b[31m": "\u202e", pad_token_id: -1 },
  ].map((fields) => new TextEncoder().encode(JSON.stringify(fields)));
  const outcomes = { read: 0, refused: 0 };
  for (const input of mutations(corpus, fuzzCount, 6)) {
    try {
      const defaults = readGeneration(new ConfigFields(input, "generation_config.json"), () => {}, true);
      const again = JSON.stringify(generationFields(defaults));
      const file = new ConfigFields(new TextEncoder().encode(again), "x");
      expect(JSON.stringify(generationFields(readGeneration(file, () => {}, true)))).toBe(again);
      outcomes.read++;
    } catch (error) {
      if (!(isGptError(error) && error.code === "invalid-file")) throw error;
      expect(error.message).toMatch(/^generation_config\.json: [^\p{Cc}\p{Bidi_Control}]{1,2000}$/u);
      outcomes.refused++;
    }
  }
  expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(fuzzCount / 20);
});
