import { run } from "../src/program.ts";

/** A command line, as the parent process sends it. */
export interface Request {
  readonly args: readonly string[];
}

/** What became of it. */
export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs command lines one after another in this process, as `main.ts` runs one, and answers each with its status and
 * with what it wrote: many commands for the price of one start of Node.
 */
process.on("message", ({ args }: Request) => void answer(args));

async function answer(args: readonly string[]): Promise<void> {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (chunk: string | Uint8Array): boolean => {
      written[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return true;
    };
  }
  const status = await run(args);
  process.send?.({ status, ...written } satisfies Answer);
}
