import { invalidOption } from "../options.ts";

const maxDepth = 64;
const maxValues = 1_000_000;

/** A value of JSON, with undefined left as it is. Throws `invalid-option`, with the place, for anything else. */
export function checkData<T>(name: string, value: T): T {
  let count = 0;
  const visit = (part: unknown, place: string, depth: number): void => {
    if (++count > maxValues) throw invalidOption(name, "…", `at most ${maxValues} values`);
    if (depth > maxDepth) throw invalidOption(place.slice(0, 100), "…", `values that are nested at most ${maxDepth} deep`);
    if (typeof part === "number" && !Number.isFinite(part)) throw invalidOption(place, part, "a finite number");
    if (part === null || ["string", "number", "boolean", "undefined"].includes(typeof part)) return;
    if (typeof part !== "object") throw invalidOption(place, part, "a string, number, boolean, null, array or object");
    if (Array.isArray(part)) for (const [index, item] of part.entries()) visit(item, `${place}[${index}]`, depth + 1);
    else for (const [key, item] of Object.entries(part)) visit(item, `${place}.${key}`, depth + 1);
  };
  visit(value, name, 0);
  return value;
}
