import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { encodingByName } from "@gpt/tokenizer";
import { packageVersion, serve } from "../harness/serve.ts";
import { timeCalls } from "../harness/time-calls.ts";

export type EncodingLibrary = keyof typeof libraries;
export type EncodingName = "gpt2" | "o200k_base";

export interface EncodingSetup {
  readonly library: EncodingLibrary;
  readonly encoding: EncodingName;
  /** A text in UTF-8. */
  readonly file: string;
}

export interface EncodingResult {
  readonly times: readonly number[];
  /** How many ids, and a digest of them. */
  readonly count: number;
  readonly digest: string;
}

type Encode = (text: string) => ArrayLike<number>;

const libraries = {
  ours: async (name: EncodingName): Promise<Encode> => {
    const tokenizer = await encodingByName(name);
    return (text) => tokenizer.encode(text);
  },
  "gpt-tokenizer": async (name: EncodingName): Promise<Encode> => {
    const { encode } =
      name === "gpt2" ? await import("gpt-tokenizer/encoding/gpt2") : await import("gpt-tokenizer/encoding/o200k_base");
    return (text) => encode(text);
  },
  tiktoken: async (name: EncodingName): Promise<Encode> => {
    const { get_encoding } = await import("tiktoken");
    const encoding = get_encoding(name);
    return (text) => encoding.encode(text);
  },
  "js-tiktoken": async (name: EncodingName): Promise<Encode> => {
    const { Tiktoken } = await import("js-tiktoken/lite");
    const { default: ranks } =
      name === "gpt2" ? await import("js-tiktoken/ranks/gpt2") : await import("js-tiktoken/ranks/o200k_base");
    const encoding = new Tiktoken(ranks);
    return (text) => encoding.encode(text);
  },
};

await serve<EncodingSetup, { milliseconds: number }>(async ({ library, encoding, file }) => {
  const encode = await libraries[library](encoding);
  const text = readFileSync(file, "utf8");
  let ids: ArrayLike<number> = [];
  return {
    version: library === "ours" ? "" : packageVersion(library),
    async run({ milliseconds }): Promise<EncodingResult> {
      const times = await timeCalls(milliseconds, () => void (ids = encode(text)));
      return { times, count: ids.length, digest: createHash("sha256").update(Uint32Array.from(ids)).digest("hex") };
    },
  };
});
