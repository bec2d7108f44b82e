import { InvalidArgumentError } from "commander";
import { UsageError } from "./errors.ts";

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

/** Token ids, separated by commas or white space. */
export function idList(text: string): number[] {
  return text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map((part) => {
      const id = Number(part);
      if (/^\d+$/.test(part) && Number.isSafeInteger(id)) return id;
      throw new UsageError(`"${part}" is no token id; ids are whole numbers from 0, separated by commas`);
    });
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
