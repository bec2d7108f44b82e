import { about, FormatError } from "../../errors.ts";
import { readShardIndex } from "../../safetensors/shard-index.ts";

/**
 * Chooses files of a repository by their paths. `read` gives the contents of a small one, which is downloaded for it. A path
 * that the repository lacks is an error.
 */
export type SelectFiles = (paths: ReadonlySet<string>, read: (path: string) => Promise<Uint8Array>) => readonly string[] | Promise<readonly string[]>;

const settings = [
  "config.json", "generation_config.json", "adapter_config.json",
  "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json",
  "chat_template.jinja",
];
const single = "model.safetensors";
const index = "model.safetensors.index.json";
/** Weights that are not read, for messages. */
const foreign = /\.(?:bin|h5|msgpack|ckpt|pth?|onnx)$/;

/**
 * The files that a language model in the Hugging Face layout is made of: settings, tokenizer, templates of chats, and
 * `model.safetensors` or else the shards that its index names.
 */
export async function languageModelFiles(paths: ReadonlySet<string>, read: (path: string) => Promise<Uint8Array>): Promise<string[]> {
  const present = [...settings.filter((path) => paths.has(path)), ...[...paths].filter((path) => /^additional_chat_templates\/[^/]+\.jinja$/.test(path))];
  if (paths.has(single)) return [...present, single];
  if (paths.has(index)) return [...present, index, ...readShardIndex(await read(index), index).keys()];
  const others = [...paths].filter((path) => foreign.test(path));
  throw new FormatError(
    "unsupported-file",
    others.length > 0
      ? `it has its weights in ${others[0]}, which is not read from the hub: look there for a revision or a repository with ${single}`
      : `it has no weights: neither ${single} nor ${index}`,
  );
}

/** What a choice among the files of a repository gives; its errors name the repository. */
export async function selected<T>(name: string, select: () => T | Promise<T>): Promise<T> {
  try {
    return await select();
  } catch (error) {
    throw error instanceof FormatError && error.code !== "download-failed" ? about(name, error) : error;
  }
}
