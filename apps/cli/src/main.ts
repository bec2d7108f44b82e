#!/usr/bin/env node
import { run } from "./program.ts";

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const status = await run(process.argv.slice(2));
// A command that was interrupted has set its own.
process.exitCode ??= status;
