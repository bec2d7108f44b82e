import type { Value } from "./jinja.ts";

/** How large a value is once it is written out, with each part counted as often as it is in there. */
export interface Weight {
  /** UTF-16 units, but for escapes and what stands between the parts. */
  readonly characters: number;
  readonly parts: number;
  readonly depth: number;
}


/** No constant, such as `undefined`, is longer. */
const plainLength = 9;

/** Thrown for values that cannot be written out. */
export class TooDeepError extends Error {}

const maxDepth = 100;

/**
 * Weighs values. What does not change is weighed once: a list that has another one twice is as heavy as if it had two,
 * but costs no more to weigh.
 */
export class Scale {
  readonly #known = new WeakMap<object, Weight>();
  /** Tells the caller how many parts are gone through. */
  readonly #spend: (parts: number) => void;

  constructor(spend: (parts: number) => void) {
    this.#spend = spend;
  }

  weigh(value: Value): Weight {
    return this.#weigh(value, 0).weight;
  }

  #weigh(value: Value, depth: number): { weight: Weight; isFixed: boolean } {
    const content = value.value;
    if (typeof content === "string") return { weight: { characters: content.length, parts: 1, depth: 0 }, isFixed: true };
    const isList = Array.isArray(content);
    if (!isList && !(content instanceof Map)) {
      const characters = typeof content === "number" ? String(content).length : plainLength;
      return { weight: { characters, parts: 1, depth: 0 }, isFixed: true };
    }
    const known = this.#known.get(value);
    if (known) return { weight: known, isFixed: true };
    if (depth > maxDepth) throw new TooDeepError();
    const parts = (isList ? content : [...content.values()]) as Value[];
    this.#spend(parts.length);
    let [characters, count, deepest] = [2, 1, 0];
    // Namespaces alone are changed, and may hold themselves.
    let isFixed = value.type !== "NamespaceValue";
    for (const part of parts) {
      const inner = this.#weigh(part, depth + 1);
      characters += inner.weight.characters;
      count += inner.weight.parts;
      deepest = Math.max(deepest, inner.weight.depth);
      isFixed &&= inner.isFixed;
    }
    if (!isList) for (const key of content.keys() as Iterable<string>) characters += key.length;
    const weight = { characters, parts: count, depth: deepest + 1 };
    if (isFixed) this.#known.set(value, weight);
    return { weight, isFixed };
  }
}
