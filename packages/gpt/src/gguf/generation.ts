import type { GGUFMetadata, GGUFValue } from "@gpt/formats/gguf";
import type { GenerationDefaults } from "../generation.ts";
import { f32, u32 } from "./architectures/architecture.ts";
import { numberOf } from "./fields.ts";

/** Settings for generation in the metadata of GGUF (llama.cpp, src/llama-arch.cpp: general.sampling; src/llama-vocab.cpp: tokens). */
const settings = {
  temperature: "general.sampling.temp",
  topK: "general.sampling.top_k",
  topP: "general.sampling.top_p",
  minP: "general.sampling.min_p",
  repetitionPenalty: "general.sampling.penalty_repeat",
  startToken: "tokenizer.ggml.bos_token_id",
  padToken: "tokenizer.ggml.padding_token_id",
} as const satisfies { readonly [Name in keyof GenerationDefaults]?: string };

/** Tokens that end a text, of a message or of all. */
const stopKeys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

/** Those that a file has and that its vocabulary holds. */
export function readGeneration(metadata: GGUFMetadata, vocabSize: number): GenerationDefaults {
  const numberAt = (key: string): number | undefined => {
    const value = metadata.get(key);
    const number = value && numberOf(value);
    return number !== undefined && number >= 0 && number < Infinity ? number : undefined;
  };
  const isToken = (id: number | undefined): id is number => Number.isSafeInteger(id) && (id as number) < vocabSize;
  const stopTokens = [...new Set(stopKeys.map(numberAt).filter(isToken))];
  const read = Object.entries(settings).flatMap(([name, key]): [string, number][] => {
    const number = numberAt(key);
    if (number === undefined || (name.endsWith("Token") && !isToken(number))) return [];
    return [[name, number]];
  });
  return { ...Object.fromEntries(read), ...(stopTokens.length > 0 ? { stopTokens } : {}) };
}

/**
 * The metadata again, of which those of a tokenizer are there already and stay: its last token is the first that ends a text, and
 * up to two others follow.
 */
export function writeGeneration(generation: GenerationDefaults, tokenizer: GGUFMetadata): [string, GGUFValue][] {
  const whole: readonly string[] = ["topK", "startToken", "padToken"];
  const written = Object.entries(settings).flatMap(([name, key]): [string, GGUFValue][] => {
    const value = generation[name as keyof typeof settings];
    if (value === undefined || tokenizer.has(key)) return [];
    // llama.cpp has the count of candidates as i32.
    return [[key, name === "topK" ? { type: "i32", value } : whole.includes(name) ? u32(value) : f32(value)]];
  });
  const last = tokenizer.get(stopKeys[0]);
  const stops = new Set([...(last ? [numberOf(last) as number] : []), ...(generation.stopTokens ?? [])]);
  const ends = [...stops].slice(0, stopKeys.length).map((token, i): [string, GGUFValue] => [stopKeys[i], u32(token)]);
  return [...written, ...ends];
}
