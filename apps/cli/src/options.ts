import { InvalidArgumentError } from "commander";

/** A parser of whole numbers from `least` on, for commander. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number from ${least}.`);
    }
    return value;
  };
}

/** A parser of numbers from `least` to `most`, for commander. */
export function decimal(least = 0, most = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a number from ${least}${most < Infinity ? ` to ${most}` : ""}.`);
    }
    return value;
  };
}

/** A parser of comma-separated token ids, for commander. */
export function idList(text: string): number[] {
  return text.split(",").map((part) => wholeNumber(0)(part.trim()));
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
