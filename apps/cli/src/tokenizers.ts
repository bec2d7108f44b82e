import { join } from "node:path";
import { isHubName, openRegularFile } from "@gpt/formats/node";
import { quote } from "@gpt/tensor";
import { encodingByName, encodingNames } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { CommandError } from "./errors.ts";
import { exists } from "./files.ts";
import { downloadOptions } from "./model.ts";
import type { Output } from "./output.ts";

/** The tokenizer that `--tokenizer` names: a known encoding, a folder or file, or that of a model on the hub. */
export async function resolveTokenizer(name: string, output: Output): Promise<Tokenizer> {
  if ((encodingNames as readonly string[]).includes(name)) return encodingByName(name);
  if (!isHubName(name) && !(await exists(name))) {
    throw new CommandError(
      `there is no tokenizer ${quote(name)}: neither a file or folder, nor one of ${encodingNames.join(", ")}, nor OWNER/NAME on the Hugging Face hub`,
    );
  }
  const tokenizer = await loadTokenizer(name, downloadOptions(output));
  output.endPanel();
  return tokenizer;
}

/** Whether a model's folder has a tokenizer beside the weights, or a GGUF file has one. */
export async function hasTokenizer(directory: string): Promise<boolean> {
  const file = await openRegularFile(directory).catch(() => undefined);
  if (file) {
    try {
      const { readGGUFHeader } = await import("@gpt/formats/gguf");
      return (await readGGUFHeader(file)).metadata.has("tokenizer.ggml.tokens");
    } finally {
      await file.close();
    }
  }
  for (const file of ["tokenizer.json", "vocab.json", "encoder_bpe_40000.json"]) if (await exists(join(directory, file))) return true;
  return false;
}
