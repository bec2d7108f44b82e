import { assignedRuns } from "../generated/assigned.ts";
import { anyCharacter, CharSet } from "./char-set.ts";

/**
 * Sets of characters by name, as Oniguruma 6.9.10 has them, whose Unicode is 16: what the JavaScript engine knows, less
 * the characters that later versions brought.
 */
const known = new Map<string, CharSet>();

/** Names that JavaScript spells otherwise, without their spaces, hyphens and underscores. */
const spellings: Readonly<Record<string, string>> = {
  alnum: "[\\p{Alphabetic}\\p{Nd}]",
  alpha: "\\p{Alphabetic}",
  digit: "\\p{Nd}",
  lower: "\\p{Lowercase}",
  punct: "\\p{P}",
  space: "\\p{White_Space}",
  upper: "\\p{Uppercase}",
  word: "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]",
};

/** The characters of a property, by the name that stands in `\p{…}` or `[[:…:]]`; undefined where it is not known. */
export function propertySet(name: string): CharSet | undefined {
  const key = name.toLowerCase().replace(/[ _-]/g, "");
  let set = known.get(key);
  if (!set) {
    set = readProperty(name, key);
    if (set) known.set(key, set);
  }
  return set;
}

function readProperty(name: string, key: string): CharSet | undefined {
  switch (key) {
    case "any":
      return anyCharacter;
    case "ascii":
      return CharSet.ofRanges([[0, 0x7f]]);
    case "xdigit":
      return CharSet.ofRanges([[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]]);
    case "cn":
    case "unassigned":
      return assigned().not();
    case "c":
    case "other":
      return setOf("\\p{C}")!.or(assigned().not());
    default: {
      const title = name.toLowerCase().replace(/[ -]/g, "_").replace(/(^|_)[a-z]/g, (letter) => letter.toUpperCase());
      const sources = [spellings[key], `\\p{${title}}`, `\\p{Script=${title}}`];
      for (const source of sources) {
        const set = source && setOf(source);
        if (set) return corrected(key, set.and(assigned()));
      }
      return undefined;
    }
  }
}

/** ʕ (U+0295) became a letter without case after Unicode 16. */
function corrected(key: string, set: CharSet): CharSet {
  const letter = CharSet.of(0x295);
  if (key === "ll" || key === "lowercaseletter") return set.or(letter);
  return key === "lo" || key === "otherletter" ? set.and(letter.not()) : set;
}

/** What a class of JavaScript's matches; undefined where it does not know the name. */
function setOf(source: string): CharSet | undefined {
  let expression: RegExp;
  try {
    expression = new RegExp(`${source}+`, "gu");
  } catch {
    return undefined;
  }
  const ranges = Array.from(allCharacters().matchAll(expression), ([run]): [number, number] => [
    run.codePointAt(0)!,
    // Where the last character is a pair, this is its second half.
    run.codePointAt(run.length - 2)! > 0xffff ? run.codePointAt(run.length - 2)! : run.charCodeAt(run.length - 1),
  ]);
  return CharSet.ofRanges(ranges);
}

let characters: string | undefined;

/** Every code point but the halves of pairs, in order. */
function allCharacters(): string {
  if (characters !== undefined) return characters;
  const parts: string[] = [];
  for (let start = 0; start < 0x110000; start += 0x800) {
    if (start === 0xd800) continue;
    parts.push(String.fromCodePoint(...Array.from({ length: 0x800 }, (_, index) => start + index)));
  }
  return (characters = parts.join(""));
}

let assignedSet: CharSet | undefined;

/** The code points that Unicode 16 assigns. */
function assigned(): CharSet {
  if (assignedSet) return assignedSet;
  const ranges: [number, number][] = [];
  let at = 0;
  for (const [index, length] of assignedRuns.split(" ").entries()) {
    const end = at + parseInt(length, 36);
    if (index % 2 === 1) ranges.push([at, end - 1]);
    at = end;
  }
  return (assignedSet = CharSet.ofRanges(ranges));
}
