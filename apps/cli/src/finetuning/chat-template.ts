import type { Tokenizer } from "@gpt/tokenizer";
import { CommandError } from "../errors.ts";
import { readTextFile } from "../files.ts";

/**
 * For models that have no chat template: each message is the line of its role, its text, and the end-of-text token. Lines keep
 * tokens apart, so that an answer has the same tokens when it is learnt and when it is written.
 */
const plainTemplate = `{% for message in messages %}{% if message.role not in ["system", "user", "assistant", "tool"] %}{{ raise_exception("the role of a message must be system, user, assistant or tool") }}{% endif %}{% if message.content is not string %}{{ raise_exception("the content of a message must be a text") }}{% endif %}{{ message.role }}
{{ message.content }}{{ eos_token }}
{% endfor %}{% if add_generation_prompt %}assistant
{% endif %}`;

/** A template that the tokenizer does not have: that of a file, or a plain one. Undefined where its own is taken. */
export async function chatTemplateOf(tokenizer: Tokenizer, file: string | undefined): Promise<string | undefined> {
  if (file !== undefined) return readTextFile(file, "--template", maxBytes);
  if (tokenizer.chatTemplates?.size) return undefined;
  if (tokenizer.endOfText !== undefined) return plainTemplate;
  throw new CommandError("the model's tokenizer has no token that ends a text, so that a model could not learn to end an answer; take a model with a byte-pair tokenizer");
}

/** The longest templates of models have some ten thousand. */
const maxBytes = 2 ** 20;
