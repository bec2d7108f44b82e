import { run } from "../src/program.ts";

/** A command line, as the parent process sends it. */
export interface Request {
  /** Where it runs. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
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
process.on("message", (request: Request) => void answer(request));

const home = process.cwd();

async function answer({ directory, env, args }: Request): Promise<void> {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (chunk: string | Uint8Array): boolean => {
      written[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return true;
    };
  }
  process.chdir(directory);
  process.env = env;
  const status = await run(args);
  // Some systems remove no folder that a process is in.
  process.chdir(home);
  process.send?.({ status, ...written } satisfies Answer);
}
