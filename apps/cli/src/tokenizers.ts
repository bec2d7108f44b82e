import { join } from "node:path";
import { quote } from "@gpt/tensor";
import { encodingByName, encodingNames } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { CommandError } from "./errors.ts";
import { exists } from "./files.ts";

/** The tokenizer that `--tokenizer` names: a known encoding, or a folder or file. */
export async function resolveTokenizer(name: string): Promise<Tokenizer> {
  if ((encodingNames as readonly string[]).includes(name)) return encodingByName(name);
  if (!(await exists(name))) {
    throw new CommandError(
      `there is no tokenizer ${quote(name)}: neither a file or folder, nor one of ${encodingNames.join(", ")}`,
    );
  }
  return loadTokenizer(name);
}

/** Whether a model's folder has a tokenizer beside the weights. */
export async function hasTokenizer(directory: string): Promise<boolean> {
  for (const file of ["tokenizer.json", "vocab.json", "encoder_bpe_40000.json"]) if (await exists(join(directory, file))) return true;
  return false;
}
