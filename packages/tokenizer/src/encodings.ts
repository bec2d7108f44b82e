import type { BytePairTokenizer } from "./bpe/tokenizer.ts";
import type { EncodingName } from "./encodings/specifications.ts";
import { TokenizerError } from "./errors.ts";
import { quote } from "./messages.ts";

/** Each encoding is a module of its own, so that a bundle holds only those that it names. */
const loaders: Record<EncodingName, () => Promise<BytePairTokenizer>> = {
  gpt2: async () => (await import("./encodings/gpt2.ts")).gpt2(),
  r50k_base: async () => (await import("./encodings/r50k_base.ts")).r50kBase(),
  p50k_base: async () => (await import("./encodings/p50k_base.ts")).p50kBase(),
  p50k_edit: async () => (await import("./encodings/p50k_edit.ts")).p50kEdit(),
  cl100k_base: async () => (await import("./encodings/cl100k_base.ts")).cl100kBase(),
  o200k_base: async () => (await import("./encodings/o200k_base.ts")).o200kBase(),
  o200k_harmony: async () => (await import("./encodings/o200k_harmony.ts")).o200kHarmony(),
};

/** The encodings that `encodingByName` knows. Pure, so that bundles which do not ask for it drop all tables. */
export const encodingNames = /* @__PURE__ */ Object.keys(loaders) as readonly EncodingName[];

/**
 * Loads an encoding; its module is imported at the first call. Any text is accepted, since names come from users too, and an
 * editor completes those that are known. Throws `unknown-encoding`.
 *
 * @example
 * const ids = (await encodingByName("o200k_base")).encode("Hello");
 */
export async function encodingByName(name: EncodingName | (string & {})): Promise<BytePairTokenizer> {
  const known = encodingNames.find((each) => each === name);
  if (known) return loaders[known]();
  throw new TokenizerError("unknown-encoding", `there is no encoding ${quote(name)}; there are ${encodingNames.join(", ")}`);
}
