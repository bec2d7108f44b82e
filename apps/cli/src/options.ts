import { InvalidArgumentError, Option } from "commander";
import { quote } from "@gpt/tensor";
import { UsageError } from "./errors.ts";

/** A number as people and programs write it in decimal: `12`, `-0.5`, `1e-3`. */
const decimalNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A parser of numbers, for commander, which names the option where one is refused. */
function number(expected: string, accepts: (value: number) => boolean): (text: string) => number {
  return (text) => {
    const value = decimalNumber.test(text) ? Number(text) : NaN;
    if (!Number.isNaN(value) && !Number.isFinite(value)) {
      throw new InvalidArgumentError(`Expected ${expected}; this one is beyond the largest, ${Number.MAX_VALUE}.`);
    }
    if (!accepts(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };
}

/** A parser of whole numbers from `min` on. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = `a whole number from ${min}`;
  return number(range, (value) => {
    if (Number.isInteger(value) && value > max) throw new InvalidArgumentError(`Expected ${range}, at most ${max}.`);
    return Number.isInteger(value) && value >= min;
  });
}

/** A parser of numbers from `min` to `max`. */
export function decimal(min = 0, max = Infinity): (text: string) => number {
  const range = `a number from ${min}${max < Infinity ? ` to ${max}` : ""}`;
  return number(range, (value) => value >= min && value <= max);
}

const unitsOfSize: Readonly<Record<string, number>> = {
  kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40,
};

/** A parser of sizes of memory, in bytes: `80GB`, `1.5 TB`, `24GiB`. A number alone is none. */
export function memorySize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([kmgt]i?b)$/i.exec(text) ?? [];
  const bytes = number === undefined ? 0 : Number(number) * unitsOfSize[unit.toLowerCase()];
  if (bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
  throw new InvalidArgumentError("Expected a size with its unit, such as 80GB or 24GiB.");
}

/** The same, and as llama.cpp writes sizes of files: `2G`, `500M`. */
export function fileSize(text: string): number {
  return memorySize(/\d ?[kmgt]$/i.test(text) ? `${text}B` : text);
}

/** `--split-max-size`, for commands that write GGUF. */
export function splitOption(): Option {
  const about = "for gguf: spread the weights over files of at most this size, such as 2GB, named NAME-00001-of-00003.gguf";
  return new Option("--split-max-size <size>", about).argParser(fileSize);
}

/** A parser of windows, one for each block in turn: numbers of tokens, or `dense`, with commas between them. */
export function windowList(text: string): (number | null)[] {
  return text.split(",").map((part) => {
    const window = Number(part);
    if (part.trim() === "dense") return null;
    if (/^\s*\d+\s*$/.test(part) && window >= 1 && window < 2 ** 31) return window;
    throw new InvalidArgumentError('Expected numbers of tokens, or "dense", with commas between them: dense,256');
  });
}

/** A parser of the path of a file or folder. */
export function path(text: string): string {
  if (text === "" || text.includes("\0")) throw new InvalidArgumentError("Expected the path of a file or folder.");
  return text;
}

/** A parser of an option that takes several paths. */
export function paths(text: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), path(text)];
}

/** Token ids, separated by commas or white space. */
export function idList(text: string): number[] {
  return text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map((part) => {
      const id = Number(part);
      if (/^\d+$/.test(part) && Number.isSafeInteger(id)) return id;
      throw new UsageError(`${quote(part)} is no token id; ids are whole numbers from 0, separated by commas`);
    });
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
