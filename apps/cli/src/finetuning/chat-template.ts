import type { Tokenizer } from "@gpt/tokenizer";
import { plainChatTemplate } from "@gpt/tokenizer/chat";
import { CommandError } from "../errors.ts";
import { readTextFile } from "../files.ts";

/** A template that the tokenizer does not have: that of a file, or a plain one. Undefined where its own is taken. */
export async function chatTemplateOf(tokenizer: Tokenizer, file: string | undefined): Promise<string | undefined> {
  if (file !== undefined) return readTextFile(file, "--template", maxBytes);
  if (tokenizer.chatTemplates?.size) return undefined;
  if (tokenizer.endOfText !== undefined) return plainChatTemplate;
  throw new CommandError("the model's tokenizer has no token that ends a text, so that a model could not learn to end an answer; take a model with a byte-pair tokenizer");
}

/** The longest templates of models have some ten thousand. */
const maxBytes = 2 ** 20;
