import type { Failure, Reply } from "./api/reply.ts";

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: "unexpected", message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : isOfMemory(error) ? "out-of-memory" : "unexpected";
  const choices = "choices" in error && Array.isArray(error.choices) ? (error.choices as readonly string[]) : undefined;
  return { code, message: error.message, ...(choices && { choices }) };
}

/** Whether the browser had no memory for an array, or for what WebAssembly computes in: engines say so by words alone. */
function isOfMemory({ message }: Error): boolean {
  return /out of memory|(?:allocat|grow).*(?:fail|memory)|(?:could not|unable to|cannot) (?:allocate|grow)|array length/i.test(message);
}

export async function reply<T>(compute: () => T | Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await compute() };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

/** A failure of the engine, in the page. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: string;
  readonly choices: readonly string[] | undefined;

  constructor({ code, message, choices }: Failure) {
    super(message);
    this.code = code;
    this.choices = choices;
  }
}

export function valueOf<T>(reply: Reply<T>): T {
  if ("failure" in reply) throw new EngineError(reply.failure);
  return reply.value;
}
