import { tokenizerFiles } from "../src/files/folder.ts";
import type { Tokenizer } from "../src/tokenizer.ts";

/** Any value of JSON that a test may change. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** The `tokenizer.json` of a tokenizer as a value. */
export function jsonOf(tokenizer: Tokenizer): { [key: string]: Json } {
  return JSON.parse(tokenizerFiles(tokenizer).get("tokenizer.json")!) as { [key: string]: Json };
}

/** A copy with another value at a path such as `model.vocab`; undefined takes the key away. */
export function withValue(root: Json, path: string, value: Json | undefined): { [key: string]: Json } {
  const copy = structuredClone(root) as { [key: string]: Json };
  const keys = path.split(".");
  const last = keys.pop()!;
  let target = copy;
  for (const key of keys) target = target[key] as { [key: string]: Json };
  if (value === undefined) delete target[last];
  else target[last] = value;
  return copy;
}
