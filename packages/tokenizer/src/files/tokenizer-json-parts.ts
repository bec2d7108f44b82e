import { expressions, patternNames } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import type { JsonValue } from "./json.ts";

/** The steps of a part that may be one step, a Sequence of some, or null. */
function* steps(part: JsonValue, listName: string): Generator<JsonValue> {
  if (part.isAbsent) return;
  if (part.get("type").value === "Sequence") {
    for (const step of part.get(listName).items()) yield* steps(step, listName);
  } else yield part;
}

/** Refuses what changes a text before it is split. */
export function checkNormalizer(part: JsonValue): void {
  for (const step of steps(part, "normalizers")) throw step.get("type").unsupported("changes the text");
}

/** How text is split, and where the file says whether a space is put before it. */
export interface Splitting {
  readonly pattern: PatternName;
  readonly prefixSpace: JsonValue;
  readonly isSequence: boolean;
}

export function readPreTokenizer(part: JsonValue): Splitting {
  const all = [...steps(part, "pretokenizers")];
  const [first, second] = all;
  const last = second ?? first;
  const isKnown = last && all.length <= 2 && last.get("type").value === "ByteLevel";
  if (!isKnown) throw part.unsupported("is neither ByteLevel nor a Split followed by ByteLevel");
  const splitsItself = last.get("use_regex").boolean(true);
  if (splitsItself !== (second === undefined)) throw last.get("use_regex").unsupported(`is ${splitsItself}`);
  last.get("trim_offsets").boolean(true);
  const prefixSpace = last.get("add_prefix_space");
  // It would be put before each of the pieces that Split makes.
  if (second) prefixSpace.expect(false);
  const pattern = second ? readSplit(first) : "gpt2";
  return { pattern, prefixSpace, isSequence: part.get("type").value === "Sequence" };
}

function readSplit(split: JsonValue): PatternName {
  split.get("type").expect("Split");
  const expression = split.get("pattern").get("Regex");
  const pattern = patternNames.find((name) => expressions[name] === expression.value);
  if (!pattern) throw expression.unsupported(`is not the pattern of ${patternNames.join(", ")}`);
  // The patterns match all of a text, so that what is between two matches is empty, and these two say the same.
  const isInverted = split.get("invert").boolean(false);
  split.get("behavior").expect(isInverted ? "Removed" : "Isolated");
  return pattern;
}

/** Refuses what adds tokens to a text; offsets, which ByteLevel trims, are no part of ids. */
export function checkPostProcessor(part: JsonValue): void {
  for (const step of steps(part, "processors")) {
    const type = step.get("type");
    if (type.value === "ByteLevel") continue;
    type.expect("TemplateProcessing");
    if (type.isAbsent) throw type.unsupported("is missing");
    const pieces = [...step.get("single").items()];
    for (const piece of pieces) {
      if (piece.get("SpecialToken").value !== undefined) throw piece.get("SpecialToken").unsupported("adds a token");
      piece.get("Sequence").get("id").expect("A");
    }
    if (pieces.length !== 1) throw step.get("single").unsupported("gives the text other than once");
  }
}

/** Refuses all decoders but that of the byte-level alphabet. */
export function checkDecoder(part: JsonValue): void {
  const decoders = [...steps(part, "decoders")];
  if (decoders.length !== 1 || decoders[0].get("type").value !== "ByteLevel") {
    throw part.unsupported("is not ByteLevel");
  }
}
