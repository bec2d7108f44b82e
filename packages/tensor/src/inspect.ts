import type { Backend } from "./contract/index.ts";

/** Makes what `console.log` shows of a backend in Node, Deno and Bun one line. `name` describes it. */
export function inspectable<B extends Backend>(backend: B, name: string): B {
  return Object.defineProperty(backend, Symbol.for("nodejs.util.inspect.custom"), {
    value: () => `Backend(${name}, ${backend.memory.liveBytes} bytes)`,
  });
}
