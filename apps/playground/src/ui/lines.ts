/** Tokens up to one that ends a line. */
export interface Line<T> {
  readonly direction: "ltr" | "rtl";
  readonly tokens: readonly T[];
}

interface WithBytes {
  readonly bytes: Uint8Array;
}

/** Tokens line by line. */
export function linesOf<T extends WithBytes>(tokens: readonly T[]): Line<T>[] {
  const lines: Line<T>[] = [];
  for (let index = 0; index < tokens.length; ) {
    const own: T[] = [];
    do own.push(tokens[index++]);
    while (index < tokens.length && !own.at(-1)!.bytes.includes(lineFeed));
    lines.push({ direction: directionOf(own), tokens: own });
  }
  return lines;
}

const lineFeed = 10;
const decoder = new TextDecoder();
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Tokens that are joined at once; the first mostly have a letter. */
const window = 32;

/** That of the first letter, as in a text without marks: a letter may be cut, so that bytes are joined first. */
function directionOf(tokens: readonly WithBytes[]): Line<never>["direction"] {
  for (let first = 0; first < tokens.length; first += window) {
    const bytes = tokens.slice(first, first + window).flatMap((token) => [...token.bytes]);
    const letter = /\p{L}/u.exec(decoder.decode(Uint8Array.from(bytes)));
    if (letter) return rightToLeft.test(letter[0]) ? "rtl" : "ltr";
  }
  return "ltr";
}
