import { isatty } from "node:tty";
import { printable } from "@gpt/tensor";
import { Panel } from "./panel.ts";
import { cutToColumns, shownLines, ShownText } from "./terminal-text.ts";

/** The size of a terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Milliseconds between two drawings of a panel: drawing costs time of what it reports on. */
const drawEvery = 60;
/** Milliseconds until progress is worth a line, and between two. */
const firstProgress = 1000;
const progressEvery = 10_000;

/**
 * Where a command's results and progress go. Results are on standard output: prose for people, or with `--json` one
 * object a line for programs. Progress and prose beside results are on standard error. What a file or a model says
 * cannot steer a terminal: a program that reads the results gets them as they are.
 */
export class Output {
  readonly json: boolean;
  readonly #shown = isatty(1) ? new ShownText() : undefined;
  readonly #panel = new Panel();
  /** The lines of the panel, where there is one. */
  #lines: ((size: Size) => readonly string[]) | undefined;
  #drawnAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  /** When the next line of progress is due, where there is no panel. */
  #nextProgress: number | undefined;
  readonly #redraw = (): void => this.#draw();

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

  /** A line of progress; the panel is gone until it changes next. */
  note(line: string): void {
    if (this.live) process.stderr.write(this.#panel.clear(process.stderr.columns));
    this.#forgetLines();
    process.stderr.write(`${shownLines(line)}\n`);
  }

  /** What the user should know about a file, as a sentence without its full stop. */
  remark(sentence: string): void {
    this.note(`Note: ${sentence}.`);
  }

  /**
   * Lines that take the place of those before, where a person watches; nothing elsewhere. A function makes them for the
   * size of the terminal, and is called again where that changes; a text is one line, cut to the width.
   */
  panel(lines: string | ((size: Size) => readonly string[])): void {
    if (!this.live) return;
    if (!this.#lines) process.stderr.on("resize", this.#redraw);
    this.#lines = typeof lines === "string" ? ({ columns }) => [cutToColumns(lines, columns - 1)] : lines;
    const wait = this.#drawnAt + drawEvery - performance.now();
    if (wait <= 0) this.#draw();
    else this.#timer ??= setTimeout(this.#redraw, wait).unref();
  }

  /** How far some work has come: in the panel where a person watches; elsewhere a line after a second, and then from time to time. */
  progress(line: string): void {
    if (this.live) return this.panel(line);
    const now = performance.now();
    this.#nextProgress ??= now + firstProgress;
    if (now < this.#nextProgress) return;
    this.#nextProgress = now + progressEvery;
    process.stderr.write(`${shownLines(line)}\n`);
  }

  /** Leaves the panel as it is: what comes next is written below it. */
  endPanel(): void {
    if (this.#timer) this.#draw();
    this.#forgetLines();
    this.#panel.keep();
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#lines || !this.live) return;
    const { columns, rows } = process.stderr;
    const lines = this.#lines({ columns, rows });
    process.stderr.write(this.#panel.draw(lines.map(shownLines), columns));
    this.#drawnAt = performance.now();
  }

  #forgetLines(): void {
    this.#nextProgress = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines) process.stderr.off("resize", this.#redraw);
    this.#lines = undefined;
  }
}
