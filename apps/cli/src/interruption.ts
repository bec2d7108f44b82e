import { exitStatus } from "./errors.ts";

/** Ctrl-C, an end from outside, a terminal that is closed. */
const interruptions = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Thrown by a command when it has ended in good order before its time. */
export class Interrupted extends Error {
  // As for a task that its signal ends.
  override readonly name = "AbortError";
}

let interruptTask: (() => void) | undefined;

/** Ends the task that runs as Ctrl-C does; false where there is none. */
export function interruptRunning(): boolean {
  interruptTask?.();
  return interruptTask !== undefined;
}

/**
 * Runs a long task whose signal is aborted by Ctrl-C and the like, so that it can end in good order; `onInterrupt` says
 * so. A second Ctrl-C ends the process at once.
 */
export async function interruptible<T>(onInterrupt: () => void, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitStatus.interrupted);
    onInterrupt();
    controller.abort();
  };
  for (const name of interruptions) process.on(name, interrupt);
  interruptTask = interrupt;
  try {
    return await task(controller.signal);
  } finally {
    interruptTask = undefined;
    for (const name of interruptions) process.off(name, interrupt);
  }
}
