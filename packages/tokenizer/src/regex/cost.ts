import { anyCharacter, noCharacter } from "./char-set.ts";
import type { CharSet } from "./char-set.ts";
import type { RegexNode, RepeatNode } from "./node.ts";
import { RegexError } from "./parse.ts";

/** Ways through an expression at one place in a text, but for those by repetition without bounds. */
const maxWays = 4096;
/** Up to this bound each repetition counts as a way; beyond it, repetition counts as unbounded. */
const fewRepeats = 16;

/** What a place in an expression has ahead of it. */
interface Ahead {
  /** Whether there is something that can fail, so that what stands before is tried otherwise. */
  readonly canFail: boolean;
  /** The characters with which it can begin, or more. */
  readonly first: CharSet;
  /** Failing takes time that grows with the text to this power. */
  readonly power: number;
  readonly ways: number;
}

export interface RegexCost {
  /**
   * Characters of which a long stretch may take quadratic time, since an expression goes over it again from each of
   * its characters. Empty for expressions that take linear time.
   */
  readonly slow: CharSet;
}

/**
 * Refuses expressions whose time may grow faster than linearly at one place in a text, as far as can be seen without
 * a text. What is repeated must be a character, or some that are always equally many: then there is one way to divide
 * a stretch, and none is tried again and again.
 */
export function regexCost(node: RegexNode): RegexCost {
  const scans: CharSet[] = [];
  const end: Ahead = { canFail: false, first: anyCharacter, power: 0, ways: 1 };
  const { power, ways } = behind(node, end, scans);
  if (power > 1) throw new RegexError("may take quadratic time or more at each place of a text");
  if (ways > maxWays) throw new RegexError("has too many alternatives one after another");
  const options = node.kind === "choice" ? node.options : [node];
  const slow = scans.filter((scan) => !isEaten(scan, options));
  return { slow: slow.reduce((all, scan) => all.or(scan), noCharacter) };
}

/** What is ahead where a node comes first, and then what was ahead. `scans` collects what may be gone over in vain. */
function behind(node: RegexNode, ahead: Ahead, scans: CharSet[]): Ahead {
  switch (node.kind) {
    case "set":
      return { ...ahead, canFail: true, first: node.set, power: ahead.canFail ? ahead.power : 0 };
    case "sequence":
      return node.items.reduceRight((next, item) => behind(item, next, scans), ahead);
    case "choice": {
      const options = node.options.map((option) => behind(option, ahead, scans));
      return {
        canFail: options.every(({ canFail }) => canFail),
        first: options.reduce((all, { first }) => all.or(first), noCharacter),
        power: Math.max(...options.map(({ power }) => power)),
        ways: options.reduce((sum, { ways }) => sum + ways, 0),
      };
    }
    case "look": {
      if (node.behind && widthOf(node.body) === undefined && !isChoiceOfWidths(node.body)) {
        throw new RegexError("looks behind for what may have different lengths");
      }
      const body = behind(node.body, { canFail: false, first: anyCharacter, power: 0, ways: 1 }, scans);
      const long = unbounded(node.body);
      if (long) scans.push(long);
      return {
        ...ahead,
        canFail: true,
        power: Math.max(body.power, long ? 1 : 0, ahead.canFail ? ahead.power : 0),
        ways: ahead.ways + body.ways,
      };
    }
    case "atomic": {
      const body = behind(node.body, { canFail: false, first: ahead.first, power: 0, ways: 1 }, scans);
      const long = ahead.canFail ? unbounded(node.body) : undefined;
      if (long) scans.push(long);
      const first = body.canFail ? body.first : body.first.or(ahead.first);
      return {
        canFail: body.canFail || ahead.canFail,
        first,
        power: Math.max(body.power, long ? 1 : 0, ahead.power),
        ways: ahead.ways + body.ways,
      };
    }
    case "repeat":
      return behindRepeat(node, ahead, scans);
  }
}

function behindRepeat(node: RepeatNode, ahead: Ahead, scans: CharSet[]): Ahead {
  const { body, min, max } = node;
  if (max === 1) {
    const once = behind(body, ahead, scans);
    if (min === 1) return once;
    const first = once.first.or(ahead.first);
    return { canFail: ahead.canFail, first, power: Math.max(once.power, ahead.power), ways: once.ways + ahead.ways };
  }
  const characters = charactersOf(body);
  if (!characters) throw new RegexError("repeats what may be matched in several ways");
  const begin = firstOf(body);
  const first = min > 0 ? begin : begin.or(ahead.first);
  const ways = max - min < fewRepeats ? ahead.ways * (max - min + 1) : ahead.ways;
  if (max <= fewRepeats) return { canFail: min > 0 || ahead.canFail, first, power: ahead.power, ways };
  if (!ahead.canFail) return { canFail: min > 0, first, power: 0, ways };
  scans.push(characters);
  const retries = characters.meets(ahead.first) ? 1 + ahead.power : Math.max(1, ahead.power);
  return { canFail: true, first, power: retries, ways };
}

/** All characters of a sequence of sets that has one length; undefined for anything else. */
function charactersOf(node: RegexNode): CharSet | undefined {
  return widthOf(node) === undefined ? undefined : allOf(node);
}

function allOf(node: RegexNode): CharSet {
  switch (node.kind) {
    case "set":
      return node.set;
    case "sequence":
      return node.items.reduce((all, item) => all.or(allOf(item)), noCharacter);
    case "repeat":
    case "atomic":
    case "look":
      return allOf(node.body);
    case "choice":
      return node.options.reduce((all, option) => all.or(allOf(option)), noCharacter);
  }
}

/** The characters with which a node can begin, or more. */
function firstOf(node: RegexNode): CharSet {
  switch (node.kind) {
    case "set":
      return node.set;
    case "sequence":
      return node.items.length > 0 && !isOptional(node.items[0]) ? firstOf(node.items[0]) : anyCharacter;
    case "choice":
      return node.options.reduce((all, option) => all.or(firstOf(option)), noCharacter);
    case "repeat":
    case "atomic":
      return firstOf(node.body);
    case "look":
      return anyCharacter;
  }
}

/** How many characters a node takes where they are always equally many, and there is one way to match them. */
function widthOf(node: RegexNode): number | undefined {
  switch (node.kind) {
    case "set":
      return 1;
    case "sequence": {
      let width = 0;
      for (const item of node.items) {
        const each = widthOf(item);
        if (each === undefined) return undefined;
        width += each;
      }
      return width > 0 ? width : undefined;
    }
    case "repeat": {
      const each = widthOf(node.body);
      return each === undefined || node.min !== node.max || node.min === 0 ? undefined : each * node.min;
    }
    case "choice":
    case "atomic":
    case "look":
      return undefined;
  }
}

function isChoiceOfWidths(node: RegexNode): boolean {
  return node.kind === "choice" && node.options.every((option) => widthOf(option) !== undefined);
}

/** The characters of what a node repeats without bounds. */
function unbounded(node: RegexNode): CharSet | undefined {
  switch (node.kind) {
    case "set":
      return undefined;
    case "repeat":
      return node.max > fewRepeats ? allOf(node.body) : unbounded(node.body);
    case "atomic":
    case "look":
      return unbounded(node.body);
    case "sequence":
    case "choice": {
      const parts = (node.kind === "sequence" ? node.items : node.options).map(unbounded);
      const some = parts.filter((part) => part !== undefined);
      return some.length === 0 ? undefined : some.reduce((all, part) => all.or(part));
    }
  }
}

/**
 * Whether a stretch of some characters is taken as a whole where going over it was in vain, so that it is gone over
 * few times: some alternative takes any stretch of them, and none before it takes only a bit.
 */
function isEaten(scan: CharSet, options: readonly RegexNode[]): boolean {
  for (const option of options) {
    const items = option.kind === "sequence" ? option.items : [option];
    // What is optional at the end does not fail.
    const end = items.findLastIndex((item) => !isOptional(item));
    const last = items.at(end);
    const isEater =
      isGreedy(last) && last.min <= 1 && last.body.kind === "set" && scan.isWithin(last.body.set) && items.slice(0, end).every(isOptional);
    if (isEater) return true;
    const mayTakeABit = items.every((item) => item.kind === "look" || isOptional(item) || firstOf(item).meets(scan));
    const takesAll = items.some((item) => isGreedy(item) && scan.isWithin(allOf(item.body)));
    if (mayTakeABit && !takesAll) return false;
  }
  return false;
}

function isOptional(node: RegexNode): boolean {
  return node.kind === "repeat" && node.min === 0;
}

function isGreedy(node: RegexNode | undefined): node is RepeatNode {
  return node?.kind === "repeat" && node.max === Infinity && !node.lazy;
}
