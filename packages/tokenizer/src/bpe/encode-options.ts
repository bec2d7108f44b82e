import { TokenizerError } from "../errors.ts";
import { quote } from "../messages.ts";
import { checkOptions, checkText, invalidOption } from "../options.ts";
import type { EncodeOptions, Tokenizer, TokensAround } from "../tokenizer.ts";
import type { AddedTokenFinder, Stretch } from "./added-token-finder.ts";
import type { AddedToken } from "./added-tokens.ts";
import { chosenTokens } from "./special-choice.ts";

export const nothingAround: TokensAround = { before: [], behind: [] };

/** What options of `encode` say, once they are checked. */
export interface EncodeChoice {
  readonly around: TokensAround;
  /** A text, split at the tokens that are allowed; throws `disallowed-special-token`. */
  stretches(text: string, finder: AddedTokenFinder, normalize?: (text: string) => string): Generator<Stretch>;
}

export function readEncodeOptions(
  text: unknown,
  options: EncodeOptions,
  { around, specialTokens }: Pick<Tokenizer, "around"> & { readonly specialTokens: ReadonlyMap<string, number> },
): EncodeChoice {
  checkText("text", text);
  checkOptions(options);
  const { allowedSpecial = [], disallowedSpecial = "all", addSpecialTokens = false } = options;
  if (typeof addSpecialTokens !== "boolean") throw invalidOption("addSpecialTokens", addSpecialTokens, "true or false");
  const allowed = chosenTokens("allowedSpecial", allowedSpecial, specialTokens);
  const disallowed = chosenTokens("disallowedSpecial", disallowedSpecial, specialTokens);
  const refused = (token: AddedToken): boolean => disallowed(token) && !(disallowedSpecial === "all" && allowed(token));
  return {
    around: addSpecialTokens && around ? around : nothingAround,
    stretches(text, finder, normalize) {
      const early = finder.hasNormalized ? normalize : undefined;
      for (const { token, at } of finder.split(text, refused, early)) if (token) throw disallowedError(token.content, at);
      return finder.split(text, (token) => !token.special || allowed(token), normalize);
    },
  };
}

function disallowedError(token: string, start: number): TokenizerError {
  const name = quote(token);
  return new TokenizerError(
    "disallowed-special-token",
    `the text has the special token ${name} at character ${start}, which is not allowed there; pass ` +
      `{ allowedSpecial: [${name}] } to encode it as that token, { disallowedSpecial: [] } to read it as plain text`,
  );
}
