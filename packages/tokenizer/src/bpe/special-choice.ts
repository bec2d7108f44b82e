import { TokenizerError } from "../errors.ts";
import { quote } from "../messages.ts";
import { invalidOption, isList } from "../options.ts";
import type { AddedToken } from "./added-tokens.ts";

/** Tests membership of what an option names: all of the special tokens, or some. */
export function chosenTokens(
  option: string,
  choice: unknown,
  specialTokens: ReadonlyMap<string, number>,
): (token: AddedToken) => boolean {
  if (choice === "all") return ({ special }) => special;
  if (!isList(choice)) throw invalidOption(option, choice, '"all" or an array of special tokens');
  const chosen = new Set(choice);
  for (const token of chosen) {
    if (typeof token !== "string" || !specialTokens.has(token)) {
      throw new TokenizerError(
        "invalid-option",
        `${option} names ${quote(token)}, which is not a special token of this tokenizer`,
      );
    }
  }
  return ({ content, special }) => special && chosen.has(content);
}
