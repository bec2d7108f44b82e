import type { JsonValue } from "../files/json.ts";
import { expressions, patternNames } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { characterSpans, readPattern } from "./patterns.ts";
import type { FindSpans } from "./patterns.ts";
import { otherKind, steps } from "./steps.ts";
import { punctuation } from "./unicode-versions.ts";

/** A stretch of the text that tokens do not leave. */
export interface Piece {
  readonly text: string;
  /** Whether it begins where the whole text does. */
  readonly isFirst: boolean;
}

type Step = (piece: Piece) => Iterable<Piece>;

/** How text is split. */
export interface Splitting {
  /** The steps, but for one of the patterns that this package knows, at the end. */
  readonly steps: readonly Step[];
  /** Splits the pieces of `steps` further. */
  readonly pattern: PatternName | undefined;
  /** Whether tokens are made of bytes, not of characters. */
  readonly isByteLevel: boolean;
  /** `add_prefix_space` of the ByteLevel, where there is one. */
  readonly prefixSpace: JsonValue | undefined;
  readonly isSequence: boolean;
}

/** Reads `pre_tokenizer` of a `tokenizer.json` (pre_tokenizers/ of the Rust library). */
export function readPreTokenizer(part: JsonValue): Splitting {
  const all = [...steps(part, "pretokenizers")];
  const isSequence = !part.isAbsent && part.get("type").value === "Sequence";
  const last = all.at(-1);
  const byteLevel = last?.get("type").value === "ByteLevel" ? last : undefined;
  if (byteLevel) all.pop();
  const splitsItself = byteLevel?.get("use_regex").boolean(true) === true;
  byteLevel?.get("trim_offsets").boolean(true);
  // A space would be put before each piece that a Split makes.
  const spacesPieces = byteLevel?.get("add_prefix_space").boolean(false) === true;
  const pattern = splitsItself ? "gpt2" : byteLevel && !spacesPieces ? knownPattern(all.at(-1)) : undefined;
  if (pattern && !splitsItself) all.pop();
  const prefixSpace = byteLevel?.get("add_prefix_space");
  return { steps: all.map(readStep), pattern, isByteLevel: byteLevel !== undefined, prefixSpace, isSequence };
}

/** Splits a text by all steps, one after the other. Pieces are not empty. */
export function* split(piece: Piece, steps: readonly Step[]): Generator<Piece> {
  if (piece.text === "") return;
  const [step, ...others] = steps;
  if (!step) yield piece;
  else for (const part of step(piece)) yield* split(part, others);
}

/** The pattern by which a Split splits, if it is one that has a scanner. */
function knownPattern(split: JsonValue | undefined): PatternName | undefined {
  if (split?.get("type").value !== "Split") return undefined;
  const expression = split.get("pattern").get("Regex").value;
  const pattern = patternNames.find((name) => expressions[name] === expression);
  // The patterns match all of a text, so that what is between two matches is empty, and these two say the same.
  const isInverted = split.get("invert").boolean(false);
  return pattern && split.get("behavior").value === (isInverted ? "Removed" : "Isolated") ? pattern : undefined;
}

function readStep(step: JsonValue): Step {
  const type = step.get("type");
  switch (type.value) {
    case "Split": {
      const behavior = readBehavior(step.get("behavior"));
      return splitter(readPattern(step.get("pattern")), behavior, step.get("invert").boolean(false));
    }
    case "Digits": {
      const behavior = step.get("individual_digits").boolean() ? "Isolated" : "Contiguous";
      return splitter(characterSpans(/\p{N}/gu), behavior);
    }
    case "Punctuation": {
      const behavior = step.get("behavior").isAbsent ? "Isolated" : readBehavior(step.get("behavior"));
      return splitter(characterSpans(punctuation), behavior);
    }
    case "WhitespaceSplit":
      return splitter(characterSpans(/\p{White_Space}/gu), "Removed");
    case "BertPreTokenizer": {
      const marks = splitter(characterSpans(punctuation), "Isolated");
      const words = splitter(characterSpans(/\p{White_Space}/gu), "Removed");
      return (piece) => split(piece, [words, marks]);
    }
    case "Metaspace":
      return metaspace(step);
    case "ByteLevel":
      throw type.unsupported("is followed by other steps");
    default:
      throw otherKind(type);
  }
}

const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
type Behavior = (typeof behaviors)[number];

function readBehavior(value: JsonValue): Behavior {
  const behavior = behaviors.find((name) => name === value.value);
  if (!behavior) throw value.invalid("is not how a Split may split");
  return behavior;
}

/** Splits around what is found: `NormalizedString::split` of tokenizer/normalizer.rs. */
function splitter(spansOf: FindSpans, behavior: Behavior, inverted = false): Step {
  return function* ({ text, isFirst }) {
    const spans = spansOf(text);
    if (spans.length === 0 && !(inverted && behavior === "Removed")) {
      yield { text, isFirst };
      return;
    }
    for (const [start, end] of joined(stretches(text, spans, inverted), behavior)) {
      if (start < end) yield { text: text.slice(start, end), isFirst: isFirst && start === 0 };
    }
  };
}

type Stretch = [start: number, end: number, isMatch: boolean];

/** All of a text: what was found, and what is between. */
function stretches(text: string, spans: readonly number[], inverted: boolean): Stretch[] {
  const all: Stretch[] = [];
  let done = 0;
  for (let i = 0; i < spans.length; i += 2) {
    if (done !== spans[i]) all.push([done, spans[i], inverted]);
    all.push([spans[i], spans[i + 1], !inverted]);
    done = spans[i + 1];
  }
  if (done !== text.length) all.push([done, text.length, inverted]);
  return all;
}

function joined(all: Stretch[], behavior: Behavior): Stretch[] {
  const result: Stretch[] = [];
  let wasMatch = false;
  switch (behavior) {
    case "Isolated":
      return all;
    case "Removed":
      return all.filter(([, , isMatch]) => !isMatch);
    case "Contiguous":
    case "MergedWithPrevious":
      for (const stretch of all) {
        const isMatch = stretch[2];
        const before = result.at(-1);
        const joins = behavior === "Contiguous" ? isMatch === wasMatch : isMatch && !wasMatch;
        if (before && joins) before[1] = stretch[1];
        else result.push([...stretch]);
        wasMatch = isMatch;
      }
      return result;
    case "MergedWithNext":
      for (const stretch of all.reverse()) {
        const next = result.at(-1);
        if (next && stretch[2] && !wasMatch) next[0] = stretch[0];
        else result.push([...stretch]);
        wasMatch = stretch[2];
      }
      return result.reverse();
  }
}

/** Writes spaces as another character, of which one may be put before the text; and splits before each. */
function metaspace(step: JsonValue): Step {
  const mark = readMark(step);
  const scheme = readScheme(step);
  const splits = step.get("split").boolean(true);
  const split = splitter(characterSpans(new RegExp(`\\u{${mark.codePointAt(0)!.toString(16)}}`, "gu")), "MergedWithNext");
  return ({ text, isFirst }) => {
    text = text.replaceAll(" ", mark);
    const prepends = scheme === "always" || (scheme === "first" && isFirst);
    if (prepends && !text.startsWith(mark)) text = mark + text;
    return splits ? split({ text, isFirst }) : [{ text, isFirst }];
  };
}

/** The character that stands for a space. */
export function readMark(step: JsonValue): string {
  const mark = step.get("replacement").string();
  if ([...mark].length !== 1) throw step.get("replacement").invalid("is not one character");
  return mark;
}

/** When a space is put before a text: `prepend_scheme`, or `add_prefix_space` of old files. */
export function readScheme(step: JsonValue): "always" | "first" | "never" {
  const field = step.get("prepend_scheme");
  const named = (["always", "first", "never"] as const).find((name) => name === field.value);
  if (!named && !field.isAbsent) throw field.invalid('is not "always", "first" or "never"');
  const prefix = step.get("add_prefix_space");
  if (prefix.isAbsent || prefix.boolean()) return named ?? "always";
  if (named !== undefined && named !== "never") throw prefix.invalid(`is false, but prepend_scheme is ${named}`);
  // Left out, it is "always", with which the Rust library refuses the file.
  if (named === undefined) throw prefix.unsupported("is false without a prepend_scheme");
  return "never";
}
