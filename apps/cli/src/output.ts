import { isatty } from "node:tty";
import { printable } from "@gpt/tensor";
import { shownLines, ShownText } from "./terminal-text.ts";

// Loaded for a terminal alone: it takes a third of the time in which a command starts.
const logUpdate = isatty(2) ? await import("log-update") : undefined;

/**
 * Where a command's results and progress go. Results are on standard output: prose for people, or with `--json` one
 * object a line for programs. Progress and prose beside results are on standard error. What a file or a model says
 * cannot steer a terminal: a program that reads the results gets them as they are.
 */
export class Output {
  readonly json: boolean;
  readonly #panel = logUpdate?.createLogUpdate(process.stderr);
  readonly #shown = isatty(1) ? new ShownText() : undefined;

  constructor(options: { json?: boolean }) {
    this.json = options.json ?? false;
  }

  /** Whether a person watches standard error on a terminal that can draw a panel over and over. */
  get live(): boolean {
    // Terminals without a size are no screens: those of editors, of logs, of some tools that run commands.
    return !this.json && isatty(2) && process.env.TERM !== "dumb" && process.stderr.columns > 0;
  }

  /** A result for programs; nothing without `--json`. */
  record(value: object): void {
    if (this.json) process.stdout.write(`${printable(JSON.stringify(value))}\n`);
  }

  /** A result for people; nothing with `--json`. */
  text(text: string): void {
    if (!this.json) process.stdout.write(this.#shown?.push(text) ?? text);
  }

  /** A line of progress. A panel is drawn below it when it changes next. */
  note(line: string): void {
    if (this.live) this.#panel?.clear();
    process.stderr.write(`${shownLines(line)}\n`);
  }

  /** What the user should know about a file, as a sentence without its full stop. */
  remark(sentence: string): void {
    this.note(`Note: ${sentence}.`);
  }

  /** Lines that take the place of those before, where a person watches; nothing elsewhere. */
  panel(...lines: readonly string[]): void {
    if (this.live) this.#panel?.(shownLines(lines.join("\n")));
  }

  /** Leaves the panel as it is: what comes next is written below it. */
  endPanel(): void {
    if (this.live) this.#panel?.done();
  }
}
