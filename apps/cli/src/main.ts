#!/usr/bin/env node
import { interruptRunning } from "./interruption.ts";
import { run } from "./program.ts";

let closed = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (closed) return;
  closed = true;
  if (error.code !== "EPIPE") {
    process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
    process.exit(1);
  }
  // A reader that has seen enough, such as `head`, is no failure. What runs long ends in good order.
  if (!interruptRunning()) process.exit(0);
});
// Nor is a terminal that was closed: what is computed counts, not its progress.
process.stderr.on("error", () => undefined);

const status = await run(process.argv.slice(2));
// A command that was interrupted has set its own.
process.exitCode ??= status;
