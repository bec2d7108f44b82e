/** The same array where it has room for so many numbers, else a copy that has room for at least twice as many. */
export function grown<T extends Uint8Array | Int32Array | Float64Array>(array: T, length: number): T {
  if (length <= array.length) return array;
  const Kind = array.constructor as new (length: number) => T;
  const copy = new Kind(Math.max(length, 2 * array.length));
  copy.set(array);
  return copy;
}
