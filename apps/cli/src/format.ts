import type { MatrixDTypes } from "@gpt/gpt";
import type { WeightDType } from "@gpt/tensor";
import { cutToColumns, endInColumns, onOneLine } from "./terminal-text.ts";

/** `12,345` for people to read; fractions are rounded away. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** `1.5 GB`: bytes in the units of thousands that disks and files are sold in. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value < 1000 ? value.toPrecision(3) : formatCount(value)} ${units[unit]}`;
}

/** `f32`, or where matrices are stored in several ways, `f32, experts mxfp4`: the others' as that of the blocks'. */
export function formatDTypes(dtype: WeightDType | MatrixDTypes): string {
  if (typeof dtype === "string") return dtype;
  const { matrix = "f32", ...others } = dtype;
  return [matrix, ...Object.entries(others).filter(([, other]) => other !== matrix).map(([role, other]) => `${role} ${other}`)].join(", ");
}

/** `2 min 5 s`: a time in its largest two units. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `8 min`: a time that is known nearly, in its largest unit; hours with minutes. */
export function formatRoughly(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes < 2 || minutes >= 60 ? formatDuration(seconds) : `${minutes} min`;
}

/** `accuracy 93.1%`: a measure of a task, by its name in events. */
export function formatMetric(name: string, value: number): string {
  const [words, isShare] = Object.hasOwn(metricNames, name) ? metricNames[name] : [name, false];
  return `${words} ${isShare ? `${(100 * value).toFixed(1)}%` : value.toPrecision(3)}`;
}

const metricNames: Readonly<Record<string, readonly [words: string, isShare: boolean]>> = {
  accuracy: ["accuracy", true],
  f1: ["F1", true],
  rewardAccuracy: ["reward accuracy", true],
  rewardMargin: ["reward margin", false],
};

/** Columns of a question and of an answer on a line of a log. */
const answerColumns = 80;

/** `… what is asked → what is answered (wanted something else)`, on a line; `wanted` where the answer is wrong. */
export function formatAnswer(question: string, answer: string, wanted?: string): string {
  const beginningOf = (text: string): string => cutToColumns(onOneLine(text), answerColumns);
  const rest = wanted === undefined ? "" : ` (wanted ${beginningOf(wanted)})`;
  return `${endInColumns(onOneLine(question), answerColumns)} → ${beginningOf(answer) || "(nothing)"}${rest}`;
}

/** Breaks text that comes in pieces into lines of at most `columns` characters, between words. */
export class LineWrapper {
  readonly #columns: number;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  push(text: string): string {
    return text.replace(/\n|[^\S\n]?[^\s]+|\s/g, (part) => {
      if (part === "\n") {
        this.#column = 0;
        return part;
      }
      if (this.#column + part.length <= this.#columns) {
        this.#column += part.length;
        return part;
      }
      const word = part.trimStart();
      this.#column = word.length;
      return `\n${word}`;
    });
  }
}
