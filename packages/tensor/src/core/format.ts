import type { Shape } from "../shape.ts";

const edge = 3;

/** Nested brackets with at most three values at both ends of every axis, as NumPy prints them. */
export function formatValues(values: ArrayLike<number>, shape: Shape): string {
  let position = 0;
  const format = (axis: number): string => {
    if (axis === shape.length) return formatNumber(values[position++]);
    const length = shape[axis];
    const step = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
    const parts: string[] = [];
    for (let i = 0; i < length; i++) {
      if (length > 2 * edge + 1 && i === edge) {
        parts.push("…");
        position += (length - 2 * edge) * step;
        i = length - edge;
      }
      parts.push(format(axis + 1));
    }
    return `[${parts.join(", ")}]`;
  };
  return format(0);
}

/** Four digits, or all of those before the point. */
function formatNumber(value: number): string {
  if (Number.isInteger(value) || !Number.isFinite(value)) return String(value);
  return String(Math.abs(value) < 1000 ? Number(value.toPrecision(4)) : Math.round(value));
}
