import { TokenizerError } from "../errors.ts";

/** A token that is written out in a text. */
export interface FoundToken {
  readonly token: string;
  readonly start: number;
}

interface TrieNode {
  readonly children: Map<string, TrieNode>;
  /** The token that ends here. */
  token?: string;
}

/** Finds tokens in text; a trie, since there may be thousands of them. */
export class TokenFinder {
  readonly #root: TrieNode = { children: new Map() };
  /** What all tokens begin with, so that most of a text is passed over fast. */
  readonly #prefix: string;

  constructor(tokens: Iterable<string>) {
    let prefix: string | undefined;
    for (const token of tokens) {
      let node = this.#root;
      for (const unit of token.split("")) {
        let child = node.children.get(unit);
        if (!child) node.children.set(unit, (child = { children: new Map() }));
        node = child;
      }
      node.token = token;
      prefix = prefix === undefined ? token : commonPrefix(prefix, token);
    }
    this.#prefix = prefix ?? "";
  }

  /** The first token from `start` on that is wanted; of several at the same place the longest. */
  find(text: string, start: number, wanted: (token: string) => boolean): FoundToken | undefined {
    if (this.#root.children.size === 0) return undefined;
    for (
      let at = text.indexOf(this.#prefix, start);
      at >= 0 && at < text.length;
      at = text.indexOf(this.#prefix, at + 1)
    ) {
      let longest: string | undefined;
      let node = this.#root.children.get(text[at]);
      for (let next = at + 1; node; next++) {
        if (node.token !== undefined && wanted(node.token)) longest = node.token;
        node = next < text.length ? node.children.get(text[next]) : undefined;
      }
      if (longest !== undefined) return { token: longest, start: at };
    }
    return undefined;
  }
}

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** Tests membership of what an option names: all of the special tokens, or some. */
export function chosenTokens(
  option: string,
  choice: "all" | Iterable<string>,
  specialTokens: ReadonlyMap<string, number>,
): (token: string) => boolean {
  if (choice === "all") return (token) => specialTokens.has(token);
  if (typeof choice === "string") {
    throw new TokenizerError("invalid-option", `${option} is a string; give "all" or an array of special tokens`);
  }
  const chosen = new Set(choice);
  for (const token of chosen) {
    if (!specialTokens.has(token)) {
      throw new TokenizerError(
        "invalid-option",
        `${option} names ${JSON.stringify(token)}, which is not a special token of this tokenizer`,
      );
    }
  }
  return (token) => chosen.has(token);
}
