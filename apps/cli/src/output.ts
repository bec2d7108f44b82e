import { isatty } from "node:tty";

/**
 * Where a command's results and progress go. Results are on standard output: prose for people, or with `--json` one
 * object a line for programs. Progress and prose beside results are on standard error.
 */
export class Output {
  readonly json: boolean;

  constructor(options: { json?: boolean }) {
    this.json = options.json ?? false;
  }

  /** Whether a person watches standard error, so that a line may be drawn over and over. */
  get live(): boolean {
    return !this.json && isatty(2);
  }

  /** A result for programs; nothing without `--json`. */
  record(value: object): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A result for people; nothing with `--json`. */
  text(text: string): void {
    if (!this.json) process.stdout.write(text);
  }

  /** A line of progress for people. */
  progress(line: string): void {
    process.stderr.write(this.live ? `\r\u001b[2K${line}\n` : `${line}\n`);
  }

  /** A line that takes the place of the one before, where a person watches; nothing elsewhere. */
  status(line: string): void {
    if (this.live) process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
  }
}
