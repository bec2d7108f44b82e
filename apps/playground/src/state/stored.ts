import { effect, signal } from "@preact/signals";
import type { Signal } from "@preact/signals";

/** A signal that is kept for the next visit. `read` checks what was kept: it may be of an older version, or of anyone. */
export function stored<T>(name: string, read: (value: unknown) => T | undefined, otherwise: T): Signal<T> {
  const key = `gpt.${name}`;
  const value = signal(read(kept(key)) ?? otherwise);
  let last = value.peek();
  effect(() => {
    // What nobody chose is not kept: a browser's language may be another next time.
    if (value.value === last) return;
    last = value.value;
    const text = JSON.stringify(last);
    try {
      localStorage.setItem(key, text);
    } catch {
      // Storage is forbidden or full: then it holds for this visit.
    }
  });
  return value;
}

function kept(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return undefined;
  }
}

/** Reads one of several names. */
export function oneOf<T extends string>(names: readonly T[]): (value: unknown) => T | undefined {
  return (value) => names.find((name) => name === value);
}
