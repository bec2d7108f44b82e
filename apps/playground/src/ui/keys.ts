/** Rows and columns that a key leads on, in a table. */
export function stepOf(key: string): readonly [number, number] | undefined {
  switch (key) {
    case "ArrowUp": return [-1, 0];
    case "ArrowDown": return [1, 0];
    case "ArrowLeft": return [0, -1];
    case "ArrowRight": return [0, 1];
    case "Home": return [0, -Infinity];
    case "End": return [0, Infinity];
    default: return undefined;
  }
}

export function clamped(index: number, count: number): number {
  return Math.min(Math.max(index, 0), count - 1);
}
