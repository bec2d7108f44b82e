const interruptions = ["SIGINT", "SIGTERM"] as const;

/** The exit status of a program that Ctrl-C ended. */
export const interruptedStatus = 130;

/**
 * Runs a long task whose signal is aborted by Ctrl-C, so that it can end in good order; `onInterrupt` says so. A second
 * Ctrl-C ends the process at once.
 */
export async function interruptible<T>(onInterrupt: () => void, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(interruptedStatus);
    onInterrupt();
    controller.abort();
  };
  for (const name of interruptions) process.on(name, interrupt);
  try {
    return await task(controller.signal);
  } finally {
    for (const name of interruptions) process.off(name, interrupt);
  }
}
