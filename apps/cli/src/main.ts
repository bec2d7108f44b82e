#!/usr/bin/env node
import { printableMessage } from "@gpt/tensor";
import { exitStatus } from "./errors.ts";
import { interruptRunning } from "./interruption.ts";
import { run } from "./program.ts";

/** Why standard output takes nothing any more. */
let outputError: NodeJS.ErrnoException | undefined;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (outputError) return;
  outputError = error;
  // A reader that has seen enough, such as `head`, is no failure.
  const isFailure = error.code !== "EPIPE";
  if (isFailure) process.stderr.write(`error: standard output cannot be written: ${printableMessage(error.message)}\n`);
  // What runs long ends in good order: it saves.
  if (!interruptRunning()) process.exit(isFailure ? exitStatus.failed : exitStatus.done);
});
// Nor is a terminal that was closed: what is computed counts, not its progress.
process.stderr.on("error", () => undefined);

const status = await run(process.argv.slice(2));
process.exitCode = outputError && outputError.code !== "EPIPE" ? exitStatus.failed : status;
